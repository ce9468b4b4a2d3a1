'use strict';

/** API Gateway's own responses, for requests that never reach the function. Where the function has the same, so are the words. */

const { STATUS_CODES } = require('node:http');

const MESSAGE = '$context.error.messageString'; // API Gateway's own, with quotes around it

/** Logical id: response type, status, detail, Retry-After in seconds. */
const RESPONSES = {
  NoValidKey: ['INVALID_API_KEY', 403, 'Send a valid API key in the x-api-key header.'],
  NoValidToken: ['UNAUTHORIZED', 401, 'Send a valid token in the Authorization header.'],
  TooManyRequests: ['THROTTLED', 429, 'Too many requests. Try again in 2 seconds.', 2],
  TooManyRequestsToday: ['QUOTA_EXCEEDED', 429, 'The daily quota of this API key is used up. Try again tomorrow.', 3600],
  RequestTooLarge: ['REQUEST_TOO_LARGE', 413, 'The body is larger than 4500000 bytes. Get a presigned POST from POST /uploads.'],
  OtherRefusal: ['DEFAULT_4XX', 403, MESSAGE], // a missing or wrong signature: requests are not validated in any other way
  FunctionFailed: ['DEFAULT_5XX', 503, 'The service is temporarily unavailable. Try again in 5 seconds.', 5],
};

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
  const problem = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail });
  return {
    Type: 'AWS::ApiGateway::GatewayResponse',
    Properties: {
      RestApiId: { Ref: 'ApiGatewayRestApi' },
      ResponseType: type,
      StatusCode: String(status),
      ResponseParameters: Object.fromEntries(
        headers.map(([name, value]) => [`gatewayresponse.header.${name}`, `'${value}'`]),
      ),
      ResponseTemplates: { 'application/json': problem.replace(`"${MESSAGE}"`, MESSAGE) },
    },
  };
}

/** The responses for pages of these origins. The deployment waits for methods alone, so one method depends on them. */
module.exports = (origins) => ({
  Resources: Object.fromEntries(
    Object.entries(RESPONSES).map(([name, response]) => [name, resource(response, cors(origins))]),
  ),
  extensions: { ApiGatewayMethodUploadsAny: { DependsOn: Object.keys(RESPONSES) } },
});
