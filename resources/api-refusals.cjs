'use strict';

/** What API Gateway answers itself when it turns somebody away: the function never hears of those requests. */

/** Stands in a detail for API Gateway's own words; they come in quotes. */
const WORDS = '$context.error.messageString';

const REFUSALS = {
  NoValidKey: {
    type: 'INVALID_API_KEY', status: 403, title: 'Forbidden',
    detail: 'Give a valid API key in the header x-api-key.',
  },
  NoValidToken: {
    type: 'UNAUTHORIZED', status: 401, title: 'Unauthorized',
    detail: 'Give a valid token in the header Authorization.',
  },
  TooManyRequests: {
    type: 'THROTTLED', status: 429, title: 'Too Many Requests', retryAfter: 2,
    detail: 'Too many requests at once: try again in 2 seconds.',
  },
  TooManyRequestsToday: {
    type: 'QUOTA_EXCEEDED', status: 429, title: 'Too Many Requests', retryAfter: 3600,
    detail: 'This key has made all the requests it may make in a day: try again tomorrow.',
  },
  TooLargeARequest: {
    type: 'REQUEST_TOO_LARGE', status: 413, title: 'Request Entity Too Large',
    detail: 'This way takes up to 4500000 bytes: ask POST /uploads for a form and send it to S3.',
  },
  AnotherRefusal: { // no signature, a wrong one, no right: nothing else is left, as no request is validated
    type: 'DEFAULT_4XX', status: 403, title: 'Forbidden',
    detail: WORDS,
  },
  NoAnswerOfTheFunction: {
    type: 'DEFAULT_5XX', status: 503, title: 'Service Unavailable', retryAfter: 5,
    detail: 'The service cannot answer just now: try again in 5 seconds.',
  },
};

/**
 * Without these headers a page of another origin learns nothing but "network error". API Gateway compares no origins
 * here, it sends one constant: that of the only one, or of several *, as a header cannot name two. Nothing of a caller's
 * is in a refusal; what another origin may do decides the function, which answers every request that is let in.
 */
function cors(origins) {
  if (origins.length === 0) return {};
  return {
    'Access-Control-Allow-Origin': origins.length === 1 ? origins[0] : '*',
    'Access-Control-Expose-Headers': 'Retry-After',
  };
}

function refusal({ type, status, title, detail, retryAfter }, headers) {
  const all = {
    'Content-Type': 'application/problem+json',
    ...(retryAfter ? { 'Retry-After': retryAfter } : {}),
    ...headers,
  };
  return {
    Type: 'AWS::ApiGateway::GatewayResponse',
    Properties: {
      RestApiId: { Ref: 'ApiGatewayRestApi' },
      ResponseType: type,
      StatusCode: String(status),
      ResponseParameters: Object.fromEntries(
        Object.entries(all).map(([name, value]) => [`gatewayresponse.header.${name}`, `'${value}'`]),
      ),
      ResponseTemplates: {
        'application/json': JSON.stringify({ type: 'about:blank', title, status, detail }).replace(`"${WORDS}"`, WORDS),
      },
    },
  };
}

/** The refusals for pages of these origins, and what makes the deployment wait for them: it waits for methods alone. */
module.exports = (origins) => ({
  Resources: Object.fromEntries(
    Object.entries(REFUSALS).map(([name, each]) => [name, refusal(each, cors(origins))]),
  ),
  extensions: { ApiGatewayMethodUploadsAny: { DependsOn: Object.keys(REFUSALS) } },
});
