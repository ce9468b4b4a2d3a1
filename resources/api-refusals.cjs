'use strict';

/** API Gateway's own responses, for requests that never reach the function. Where the function has the same, so are the words. */

const { STATUS_CODES } = require('node:http');

const MESSAGE = '$context.error.messageString'; // API Gateway's own, with quotes around it

/**
 * Logical id: response type, status, detail, Retry-After in seconds. Each keeps the status that API Gateway gives it, as
 * each has to be named for: a template cannot tell the status, and a type that is not here would have none in its body.
 */
const RESPONSES = ({ caller, everybody, quota }) => ({
  NoValidKey: ['INVALID_API_KEY', 403, 'Send a valid API key in the x-api-key header.'],
  NoValidToken: ['UNAUTHORIZED', 401, 'Send a valid token in the Authorization header.'],
  ExpiredToken: ['EXPIRED_TOKEN', 403, 'The token or the credentials have expired. Get new ones.'],
  NoValidSignature: ['INVALID_SIGNATURE', 403, MESSAGE],
  NoSignature: ['MISSING_AUTHENTICATION_TOKEN', 403, MESSAGE], // also of a path without a route
  NoAccess: ['ACCESS_DENIED', 403, MESSAGE],
  Filtered: ['WAF_FILTERED', 403, 'A rule of this service\'s firewall blocks the request.'],
  InvalidBody: ['BAD_REQUEST_BODY', 400, MESSAGE],
  InvalidParameters: ['BAD_REQUEST_PARAMETERS', 400, MESSAGE],
  NoRoute: ['RESOURCE_NOT_FOUND', 404, MESSAGE],
  NoMediaType: ['UNSUPPORTED_MEDIA_TYPE', 415, MESSAGE],
  TooManyRequests: [
    'THROTTLED', 429, `Too many requests: ${limitOf(caller)} for ${caller.who}, ${limitOf(everybody)} for the page. Try again in 2 seconds.`, 2,
  ],
  TooManyRequestsToday: [
    'QUOTA_EXCEEDED', 429, `The daily quota of this API key, ${quota} requests, is used up. Try again tomorrow (UTC).`, 3600,
  ],
  RequestTooLarge: [
    'REQUEST_TOO_LARGE', 413, 'The body is too large; the limit is 4500000 bytes. Get a presigned POST from POST /uploads.',
  ],
  OtherRefusal: ['DEFAULT_4XX', null, MESSAGE],
  FunctionFailed: ['DEFAULT_5XX', 503, 'The service is temporarily unavailable. Try again in 5 seconds.', 5],
});

const limitOf = ({ rate, burst }) => `${rate} a second and ${burst} at once`;

/**
 * Without these headers a page of another origin sees a network error. API Gateway can only send a constant: the one
 * origin, or * for several. A refusal contains nothing of a caller's; for all other requests the function decides.
 */
function cors(origins) {
  if (origins.length === 0) return {};
  return {
    'Access-Control-Allow-Origin': origins.length === 1 ? origins[0] : '*',
    'Access-Control-Expose-Headers': 'Retry-After',
  };
}

function resource([type, status, detail, retryAfter], corsHeaders) {
  const wait = retryAfter ? { 'Retry-After': retryAfter } : {};
  const headers = Object.entries({ 'Content-Type': 'application/problem+json', ...wait, ...corsHeaders });
  const known = status ? { title: STATUS_CODES[status], status } : { title: 'Refused' };
  const problem = JSON.stringify({ type: 'about:blank', ...known, detail });
  return {
    Type: 'AWS::ApiGateway::GatewayResponse',
    Properties: {
      RestApiId: { Ref: 'ApiGatewayRestApi' },
      ResponseType: type,
      ...(status ? { StatusCode: String(status) } : {}), // or API Gateway's own
      ResponseParameters: Object.fromEntries(
        headers.map(([name, value]) => [`gatewayresponse.header.${name}`, `'${value}'`]),
      ),
      ResponseTemplates: { 'application/json': problem.replace(`"${MESSAGE}"`, MESSAGE) },
    },
  };
}

/**
 * The responses, for pages of these origins and with these limits of requests. The deployment waits for methods alone, so
 * one method depends on them.
 */
module.exports = (origins, limits) => {
  const responses = Object.entries(RESPONSES(limits));
  return {
    Resources: Object.fromEntries(responses.map(([name, response]) => [name, resource(response, cors(origins))])),
    extensions: { ApiGatewayMethodUploadsAny: { DependsOn: responses.map(([name]) => name) } },
  };
};
