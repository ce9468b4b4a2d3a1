'use strict';

/**
 * With `cdn: true`: CloudFront in front of the variants bucket, which stays private: only this distribution reads it.
 * Whoever knows the name of a variant sees it.
 */

const att = (name, attribute) => ({ 'Fn::GetAtt': [name, attribute] });
const resource = (type, properties) => ({ Type: type, Properties: properties });
const YEAR = 365 * 24 * 60 * 60;

/** Our own metadata and S3's are nobody's business; the rest keeps a picture from being anything but a picture. */
const HEADERS = {
  SecurityHeadersConfig: {
    ContentTypeOptions: { Override: true },
    StrictTransportSecurity: { AccessControlMaxAgeSec: YEAR, IncludeSubdomains: false, Override: true, Preload: false },
    ContentSecurityPolicy: { ContentSecurityPolicy: "default-src 'none'; sandbox", Override: true },
  },
  CorsConfig: {
    AccessControlAllowCredentials: false,
    AccessControlAllowHeaders: { Items: ['*'] },
    AccessControlAllowMethods: { Items: ['GET', 'HEAD'] },
    AccessControlAllowOrigins: { Items: ['*'] },
    OriginOverride: true,
  },
  RemoveHeadersConfig: {
    Items: [
      'x-amz-meta-source-etag', 'x-amz-meta-fingerprint', 'x-amz-meta-digest',
      'x-amz-server-side-encryption', 'x-amz-version-id',
    ].map((Header) => ({ Header })),
  },
};

/**
 * What a versioned link shows never changes, so a browser may keep it. CloudFront itself goes by the object's own
 * Cache-Control: an overwritten or removed picture is gone from its caches within a minute.
 */
const ON_RESPONSE = `function handler(event) {
  var response = event.response;
  if (event.request.querystring.v && [200, 206, 304].indexOf(response.statusCode) >= 0) {
    response.headers['cache-control'] = { value: 'public, max-age=${YEAR}, immutable' };
  }
  return response;
}
`;

function distribution({ name, origin, alias, certificate }) {
  const ownName = alias
    ? {
        Aliases: [alias],
        ViewerCertificate: {
          AcmCertificateArn: certificate, SslSupportMethod: 'sni-only', MinimumProtocolVersion: 'TLSv1.2_2021',
        },
      }
    : {};
  const behavior = {
    TargetOriginId: 'variants',
    ViewerProtocolPolicy: 'redirect-to-https',
    AllowedMethods: ['GET', 'HEAD'],
    Compress: false, // pictures are compressed
    CachePolicyId: { Ref: 'CdnCachePolicy' },
    ResponseHeadersPolicyId: { Ref: 'CdnHeaders' },
    FunctionAssociations: [{ EventType: 'viewer-response', FunctionARN: att('CdnOnResponse', 'FunctionARN') }],
  };
  return {
    Comment: name,
    Enabled: true,
    HttpVersion: 'http2and3',
    IPV6Enabled: true,
    Origins: [{
      Id: 'variants',
      DomainName: origin,
      OriginAccessControlId: { Ref: 'CdnAccess' },
      S3OriginConfig: {},
    }],
    DefaultCacheBehavior: behavior,
    // S3 answers 403 for what does not exist: a variant that is published a moment later is there within two seconds
    CustomErrorResponses: [403, 404].map((ErrorCode) => ({ ErrorCode, ErrorCachingMinTTL: 2 })),
    ...ownName,
  };
}

function resources(settings) {
  const { name } = settings;
  return {
    CdnAccess: resource('AWS::CloudFront::OriginAccessControl', {
      OriginAccessControlConfig: {
        Name: name, OriginAccessControlOriginType: 's3', SigningBehavior: 'always', SigningProtocol: 'sigv4',
      },
    }),
    CdnCachePolicy: resource('AWS::CloudFront::CachePolicy', {
      CachePolicyConfig: {
        Name: name,
        MinTTL: 0,
        DefaultTTL: 60,
        MaxTTL: YEAR,
        ParametersInCacheKeyAndForwardedToOrigin: {
          CookiesConfig: { CookieBehavior: 'none' },
          HeadersConfig: { HeaderBehavior: 'none' },
          QueryStringsConfig: { QueryStringBehavior: 'whitelist', QueryStrings: ['v'] },
          EnableAcceptEncodingBrotli: false,
          EnableAcceptEncodingGzip: false,
        },
      },
    }),
    CdnHeaders: resource('AWS::CloudFront::ResponseHeadersPolicy', {
      ResponseHeadersPolicyConfig: { Name: name, ...HEADERS },
    }),
    CdnOnResponse: resource('AWS::CloudFront::Function', {
      Name: name,
      AutoPublish: true,
      FunctionCode: ON_RESPONSE,
      FunctionConfig: { Comment: 'A year of caching for versioned links', Runtime: 'cloudfront-js-2.0' },
    }),
    Cdn: resource('AWS::CloudFront::Distribution', { DistributionConfig: distribution(settings) }),
  };
}

module.exports = async ({ resolveVariable }) => {
  const text = async (name) => String(await resolveVariable(`param:${name}`)); // from the command line it is text
  const on = (await text('cdn')) === 'true';
  if (!on) return { on, url: '', resources: {} };
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const bucket = await text('variantsBucket');
  const alias = await text('cdnAlias');
  const url = alias ? `https://${alias}` : { 'Fn::Sub': 'https://${Cdn.DomainName}' };
  const Resources = resources({
    name: { 'Fn::Sub': `${service}-${stage}-\${AWS::Region}` }, // these names are the account's, not the region's
    origin: { 'Fn::Sub': `${bucket}.s3.\${AWS::Region}.\${AWS::URLSuffix}` },
    alias,
    certificate: await resolveVariable('self:custom.derived.arns.cdnCertificate'),
  });
  return { on, url, resources: { Resources, Outputs: { CdnUrl: { Value: url } } } };
};

module.exports.HEADERS = HEADERS;
module.exports.ON_RESPONSE = ON_RESPONSE;
