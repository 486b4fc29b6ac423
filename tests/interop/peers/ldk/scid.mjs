// short_channel_id: LDK has it as a number, people write 123x1x0 (BOLT 7).
export function scidOf(text) {
  const [block, tx, output] = text.split("x").map(BigInt);
  return (block << 40n) | (tx << 16n) | output;
}

export const scidText = (n) => `${n >> 40n}x${(n >> 16n) & 0xffffffn}x${n & 0xffffn}`;
