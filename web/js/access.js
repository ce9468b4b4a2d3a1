/** Whether people can use the page or the form, by how the service identifies its callers. */

/** Why there is no page to upload with; '' if there is one. @param {string} authorizer */
export function barredPage(authorizer) {
  if (authorizer === 'api-key') return '';
  if (authorizer === 'jwt') {
    return 'This service identifies people by their sign-in, which this page does not have. Use the page or app where you sign in.';
  }
  return barredForm('iam');
}

/** Why there is no form either; '' if there is one, for which the page around it has a key or a token. @param {string} authorizer */
export function barredForm(authorizer) {
  if (authorizer !== 'iam') return '';
  return 'This service accepts only requests that are signed with AWS credentials, which a web page does not have. Use the API instead.';
}

/** What to do when the key or the token is refused in the middle of something. @param {string} authorizer */
export function refusedWords(authorizer) {
  return authorizer === 'jwt'
    ? 'You are not signed in, or your sign-in has ended. Sign in again to continue.'
    : 'The API key of this form is not valid.';
}
