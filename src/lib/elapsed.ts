/**
 * Starts a clock that counts sleep, and gives how many milliseconds have passed by it. A suspended computer stops the
 * one of the two that only goes forward, and the other can be set back.
 */
export function startClock(): () => number {
  const [wall, steady] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - steady);
}
