/** How long to wait before a failed request is sent again. */

const FIRST = 1_000; // milliseconds
const LONGEST = 60_000;

/**
 * Milliseconds until the next try: doubling from one second to a minute, with jitter, and never before the server said.
 * @param {number} attempt how often it has failed already, from 1
 * @param {number | null} retryAfter seconds, as the server asked
 * @param {() => number} random from 0 to 1
 * @returns {number}
 */
export function delay(attempt, retryAfter = null, random = Math.random) {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(attempt - 1, 10));
  return Math.max(ceiling * (0.5 + random() / 2), (retryAfter ?? 0) * 1_000);
}
