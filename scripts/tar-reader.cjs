// In place of the package's index: Slipway writes archives itself (src/effects/archive/member.ts).
exports.extract = require('../node_modules/tar-stream/extract.js')
