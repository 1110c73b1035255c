/** Castagnoli's polynomial, its bits in reverse. */
const POLYNOMIAL = 0x82f63b78

const TABLE: Int32Array = new Int32Array(256).map((_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL)
  return crc
})

/** CRC-32C (RFC 3720, appendix B.4) of a part of the bytes; Node has only the CRC of zlib. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  for (let at = start; at < end; at++) crc = (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}
