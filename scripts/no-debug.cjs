// In place of the package debug, which two agents for proxies bring: with DEBUG in its environment a hook would write their lines into a step's log.
module.exports = () => () => {}
