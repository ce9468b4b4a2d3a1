/** The client of the upload API; each failure is an ApiError. */

/** @typedef {import('./limits.js').Settings} Settings */

/**
 * @typedef {object} PresignedPost for the upload of one file to S3
 * @property {string} url
 * @property {Record<string, string>} fields
 */

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} format
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {string} url
 */

/**
 * @typedef {object} Metadata of the original
 * @property {string} format
 * @property {string} mode
 * @property {number} width
 * @property {number} height
 * @property {boolean} transparency
 * @property {number} bytes
 * @property {string | null} uploaded_at
 * @property {string | null} created_date
 * @property {string[]} tags
 */

/**
 * @typedef {object} Image a photo in the service
 * @property {string} id
 * @property {string} name
 * @property {number} [size]
 * @property {string} location
 * @property {'waiting' | 'processing' | 'done' | 'rejected' | 'failed'} status
 * @property {string} message
 * @property {Variant[]} variants
 * @property {{class?: string, text: string, advice: string, detail?: string}} [reason]
 * @property {boolean} [retrying]
 * @property {string} [upload_until]
 * @property {string} [requested_at]
 * @property {string} [original] a link to the original
 * @property {Metadata} [metadata]
 * @property {string[]} [lost]
 * @property {string} [placeholder] a data: URL
 * @property {string} [color]
 */

const TIMEOUT = 30_000; // milliseconds for one request
export const PAGE = 25; // images in one page of the list: fewer than the maximum, so that each response is fast

/** @typedef {{images: Image[], next: string | null}} Page of the list of images */

/** @typedef {{path: string, detail: string}} Fault an invalid value in a request */

/** A request failed; status 0 if there was no response. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {{retryAfter?: number | null, errors?: Fault[]}} [more]
   */
  constructor(status, message, { retryAfter = null, errors = [] } = {}) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
    this.errors = errors;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Whether the API key was refused. */
  get forbidden() {
    return this.status === 401 || this.status === 403;
  }
}

export class Api {
  /**
   * @param {() => Record<string, string>} credentials the headers that identify the caller
   * @param {string} base the URL of the API; a slash at its end does not matter
   */
  constructor(credentials, base) {
    this.credentials = credentials;
    this.base = base.endsWith('/') ? base : `${base}/`;
  }

  /** @returns {Promise<Settings>} */
  async settings() {
    const answer = await this.#fetch('settings.json', {});
    return /** @type {Settings} */ (answer.body);
  }

  /**
   * Create a presigned POST for each file, in the same order.
   * @param {{name: string, content_type: string, size: number}[]} files
   * @returns {Promise<{id: string, location: string, upload: PresignedPost}[]>}
   */
  async createUploads(files) {
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#fetch('uploads', { method: 'POST', headers, body: JSON.stringify({ files }) });
    return /** @type {{uploads: {id: string, location: string, upload: PresignedPost}[]}} */ (answer.body).uploads;
  }

  /** Request one image, to verify the key. */
  async check() {
    await this.#fetch('images?limit=1', {});
  }

  /**
   * The status of a photo; image is null if it has not changed since `etag`, retryAfter (seconds) if it is final.
   * @param {string} location
   * @param {string | null} etag
   * @returns {Promise<{image: Image | null, etag: string | null, retryAfter: number | null}>}
   */
  async image(location, etag) {
    const answer = await this.#fetch(location, { headers: etag ? { 'if-none-match': etag } : {} });
    const image = /** @type {Image | null} */ (answer.body);
    return { image, etag: answer.headers.get('etag'), retryAfter: seconds(answer.headers) };
  }

  /** The image with links at which browsers save the files. @param {string} location @returns {Promise<Image>} */
  async downloads(location) {
    const answer = await this.#fetch(`${location}?download=true`, {});
    return /** @type {Image} */ (answer.body);
  }

  /** Begin to erase an image. @param {string} location */
  async erase(location) {
    await this.#fetch(location, { method: 'DELETE' });
  }

  /**
   * A page of this key's images, newest first; page is null if it has not changed since `etag`.
   * @param {string | null} cursor
   * @param {string | null} etag
   * @returns {Promise<{page: Page | null, etag: string | null, retryAfter: number | null}>}
   */
  async page(cursor, etag) {
    const path = `images?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const answer = await this.#fetch(path, { headers: etag ? { 'if-none-match': etag } : {} });
    const page = /** @type {Page | null} */ (answer.body);
    return { page, etag: answer.headers.get('etag'), retryAfter: seconds(answer.headers) };
  }

  /**
   * Headers and body; a connection that ends within the body counts as no response.
   * @param {string} path
   * @param {{method?: string, headers?: Record<string, string>, body?: string}} options
   * @returns {Promise<{headers: Headers, body: unknown}>}
   */
  async #fetch(path, options) {
    const headers = new Headers({ accept: 'application/json', ...this.credentials(), ...options.headers });
    /** @type {RequestInit} */
    const common = { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(TIMEOUT) };
    let answer;
    let body;
    try {
      answer = await fetch(new URL(path, this.base), { ...common, ...options, headers });
      body = await answer.text();
    } catch {
      throw new ApiError(0, 'The service is not responding.');
    }
    if (answer.status === 304) return { headers: answer.headers, body: null };
    if (answer.ok) return { headers: answer.headers, body: parsed(body) };
    const problem = problemOf(body);
    const message = problem.detail || problem.message || `The service returned an error: ${answer.status}.`;
    throw new ApiError(answer.status, message, { retryAfter: seconds(answer.headers), errors: problem.errors });
  }
}

/** @param {string} body @returns {unknown} */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    throw new ApiError(0, 'Something between this page and the service is responding instead.'); // such as a hotel's sign-in
  }
}

/**
 * The problem in a body; empty for the error page of a proxy in between.
 * @param {string} body
 * @returns {{detail?: string, message?: string, errors?: Fault[]}}
 */
function problemOf(body) {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {};
  }
}

/** @param {Headers} headers */
function seconds(headers) {
  const said = Number.parseInt(headers.get('retry-after') ?? '', 10);
  return Number.isNaN(said) ? null : said;
}
