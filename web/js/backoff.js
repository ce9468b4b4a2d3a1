/** How long to wait before a failed request is sent again. */

const FIRST = 1_000; // milliseconds
const LONGEST = 60_000;

/**
 * Milliseconds until the next attempt: from one second doubling to a minute, with jitter, and at least Retry-After.
 * @param {number} attempt number of failures so far, from 1
 * @param {number | null} retryAfter seconds, from the response
 * @param {() => number} random from 0 to 1
 * @returns {number}
 */
export function delay(attempt, retryAfter = null, random = Math.random) {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** (attempt - 1));
  return Math.max(ceiling * (0.5 + random() / 2), (retryAfter ?? 0) * 1_000);
}
