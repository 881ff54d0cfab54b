/**
 * The program of doctor's probe action, for an image FROM scratch: writes a line to a file and to its log, and exits with 0
 * if the file took it. Machine code, because there is no base image that every cluster can pull and no compiler here.
 */

export const PROBE_TEXT = 'slipway doctor\n'
/** Where the program writes to: `answer` in the directory that the step mounts at /probe. */
export const PROBE_DIRECTORY = '/probe'
export const PROBE_FILE = 'answer'

/** Position-independent instructions; the path and the text follow right behind them. */
const CODE = {
  amd64: [
    'b802000000', //           mov eax, 2            open
    '488d3d4a000000', //       lea rdi, path
    'be41000000', //           mov esi, 0x41         O_WRONLY | O_CREAT
    'baa4010000', //           mov edx, 0644
    '0f05', //                 syscall
    '89c7', //                 mov edi, eax
    'b801000000', //           mov eax, 1            write to the file
    '488d353e000000', //       lea rsi, text
    'ba0f000000', //           mov edx, 15
    '0f05', //                 syscall
    '89c3', //                 mov ebx, eax
    'b801000000', //           mov eax, 1            write to stdout
    'bf01000000', //           mov edi, 1
    '488d3524000000', //       lea rsi, text
    'ba0f000000', //           mov edx, 15
    '0f05', //                 syscall
    '81eb0f000000', //         sub ebx, 15           0 when the file took all of it
    '89df', //                 mov edi, ebx
    'b83c000000', //           mov eax, 60           exit
    '0f05' //                  syscall
  ],
  arm64: [
    '080780d2', // mov x8, #56       openat
    '600c8092', // mov x0, #-100     AT_FDCWD
    'c1010010', // adr x1, path
    '220880d2', // mov x2, #0x41     O_WRONLY | O_CREAT
    '833480d2', // mov x3, #0644
    '010000d4', // svc #0
    'a1010050', // adr x1, text
    'e20180d2', // mov x2, #15
    '080880d2', // mov x8, #64       write to the file
    '010000d4', // svc #0
    'f30300aa', // mov x19, x0
    '200080d2', // mov x0, #1        write to stdout
    '010000d4', // svc #0
    '603e00d1', // sub x0, x19, #15  0 when the file took all of it
    'a80b80d2', // mov x8, #93       exit
    '010000d4' //  svc #0
  ]
} as const

export type Architecture = keyof typeof CODE
export const ARCHITECTURES = Object.keys(CODE) as readonly Architecture[]

/** ELF's numbers for them, e_machine. */
const MACHINES: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 }

const HEADER_BYTES = 64
const SEGMENT_HEADER_BYTES = 56
const START = HEADER_BYTES + SEGMENT_HEADER_BYTES
const LOAD_ADDRESS = 0x400000
const PAGE_BYTES = 0x10000

/** A whole ELF executable with one segment, which holds all of the file. */
export function probeProgram(architecture: Architecture): Uint8Array {
  const code = Buffer.from(CODE[architecture].join(''), 'hex')
  const data = Buffer.from(`${PROBE_DIRECTORY}/${PROBE_FILE}\0${PROBE_TEXT}`, 'latin1')
  const bytes = START + code.length + data.length
  const head = Buffer.alloc(START)
  // e_ident: 64 bits, little endian, version 1.
  head.write('\x7fELF\x02\x01\x01', 'latin1')
  head.writeUInt16LE(2, 16) // e_type: executable
  head.writeUInt16LE(MACHINES[architecture], 18)
  head.writeUInt32LE(1, 20) // e_version
  head.writeBigUInt64LE(BigInt(LOAD_ADDRESS + START), 24) // e_entry
  head.writeBigUInt64LE(BigInt(HEADER_BYTES), 32) // e_phoff
  head.writeUInt16LE(HEADER_BYTES, 52) // e_ehsize
  head.writeUInt16LE(SEGMENT_HEADER_BYTES, 54) // e_phentsize
  head.writeUInt16LE(1, 56) // e_phnum
  head.writeUInt32LE(1, HEADER_BYTES) // p_type: load
  head.writeUInt32LE(5, HEADER_BYTES + 4) // p_flags: read and execute
  head.writeBigUInt64LE(BigInt(LOAD_ADDRESS), HEADER_BYTES + 16) // p_vaddr
  head.writeBigUInt64LE(BigInt(LOAD_ADDRESS), HEADER_BYTES + 24) // p_paddr
  head.writeBigUInt64LE(BigInt(bytes), HEADER_BYTES + 32) // p_filesz
  head.writeBigUInt64LE(BigInt(bytes), HEADER_BYTES + 40) // p_memsz
  head.writeBigUInt64LE(BigInt(PAGE_BYTES), HEADER_BYTES + 48) // p_align
  return Buffer.concat([head, code, data])
}
