/** Uploads one file to S3 with its presigned POST. */

/** @typedef {import('./api.js').PresignedPost} PresignedPost */

const IDLE_TIMEOUT = 60_000; // milliseconds without progress

/** Codes of refusals with a status below 500 after which the same request may succeed. */
const PASSING = new Set(['RequestTimeout', 'IncompleteBody', 'BadDigest', 'OperationAborted', 'ConditionalRequestConflict']);

/** Codes of refusals of the form and not of the file: its credentials have ended, or its time is not S3's. */
const ENDED = new Set(['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'InvalidAccessKeyId', 'RequestTimeTooSkewed']);

/** S3 rejected the file; status 0 if there was no response. */
export class SendError extends Error {
  /**
   * @param {number} status
   * @param {string} answer the XML of S3's response
   */
  constructor(status, answer) {
    const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? '';
    super(`S3 returned ${status} ${code}`.trim());
    this.status = status;
    this.code = code;
    this.answer = answer;
  }

  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500 || PASSING.has(this.code);
  }

  /** Whether the file does not have the declared size. */
  get changed() {
    return this.code === 'EntityTooLarge' || this.code === 'EntityTooSmall';
  }

  /** Whether another presigned POST is needed. */
  get expired() {
    return ENDED.has(this.code) || (this.code === 'AccessDenied' && /expired/.test(this.answer));
  }
}

/**
 * Upload a file; the promise is rejected with a SendError, or with the signal's reason if it is aborted.
 * @param {PresignedPost} post
 * @param {File} file
 * @param {{signal: AbortSignal, progressed: (part: number) => void}} options
 * @returns {Promise<void>}
 */
export function send(post, file, { signal, progressed }) {
  const body = new FormData();
  for (const [name, value] of Object.entries(post.fields)) body.append(name, value);
  body.append('file', file); // last: S3 ignores what comes after it
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not report upload progress
    let timer = 0;
    const restart = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), IDLE_TIMEOUT);
    };
    request.upload.onprogress = (event) => {
      restart();
      if (event.lengthComputable) progressed(event.loaded / event.total);
    };
    request.onloadend = () => {
      clearTimeout(timer);
      if (signal.aborted) reject(signal.reason);
      else if (request.status >= 200 && request.status < 300) resolve();
      else reject(new SendError(request.status, request.responseText));
    };
    signal.addEventListener('abort', () => request.abort());
    request.open('POST', post.url);
    request.send(body);
    restart();
  });
}
