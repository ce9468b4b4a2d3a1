/** One file to S3, by the form that the service gave out for it. */

/** @typedef {import('./api.js').Form} Form */

const SILENCE = 60_000; // milliseconds without a byte taken, after which a connection is given up

/** S3 did not take the file; status 0 when there was no answer. */
export class SendError extends Error {
  /**
   * @param {number} status
   * @param {string} answer S3's XML
   */
  constructor(status, answer) {
    const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? '';
    super(`S3 answered ${status} ${code}`.trim());
    this.status = status;
    this.code = code;
    this.answer = answer;
  }

  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Whether the file has other bytes than were declared. */
  get changed() {
    return this.code === 'EntityTooLarge' || this.code === 'EntityTooSmall';
  }

  /** Whether another form would be taken. */
  get expired() {
    return this.status === 403 && this.answer.includes('expired');
  }
}

/**
 * Send a file; the promise is rejected with a SendError, or with the signal's reason when that is aborted.
 * @param {Form} form
 * @param {File} file
 * @param {{signal: AbortSignal, progressed: (part: number) => void}} options
 * @returns {Promise<void>}
 */
export function send(form, file, { signal, progressed }) {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append('file', file); // last: S3 ignores what comes after it
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has been sent
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE);
    };
    const abort = () => request.abort();
    request.upload.onprogress = (event) => {
      heard();
      if (event.lengthComputable) progressed(event.loaded / event.total);
    };
    request.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
      if (signal.aborted) reject(signal.reason);
      else if (request.status >= 200 && request.status < 300) resolve();
      else reject(new SendError(request.status, request.responseText));
    };
    signal.addEventListener('abort', abort);
    request.open('POST', form.url);
    request.send(body);
    heard();
  });
}
