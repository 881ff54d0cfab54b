// In place of the package ip-address, of which the package socks uses this much, for a kubeconfig whose proxy-url is a SOCKS proxy. Both are given addresses that node:net has found right.
const HEX = 16
const GROUPS = 8

class Address4 {
  constructor(address) {
    this.octets = address.split('.').map(Number)
  }
  toArray() {
    return this.octets
  }
}

class Address6 {
  constructor(address) {
    const [head, tail] = address.replace(/%.*$/, '').split('::').map(groupsOf)
    const zeros = tail === undefined ? 0 : GROUPS - head.length - tail.length
    this.groups = [...head, ...Array(zeros).fill('0'), ...(tail ?? [])]
  }
  static fromByteArray(bytes) {
    const groups = Array.from({ length: GROUPS }, (_, at) => (bytes[2 * at] << 8) | bytes[2 * at + 1])
    return new Address6(groups.map((group) => group.toString(HEX)).join(':'))
  }
  canonicalForm() {
    return this.groups.map((group) => group.padStart(4, '0')).join(':')
  }
}

/** `1:2`, of which the last may be `1.2.3.4`. */
const groupsOf = (text) =>
  text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? ofAddress4(group) : [group]))

const ofAddress4 = (text) => {
  const [a, b, c, d] = new Address4(text).toArray()
  return [((a << 8) | b).toString(HEX), ((c << 8) | d).toString(HEX)]
}

module.exports = { Address4, Address6 }
