'use strict';

/**
 * Makes the API's stage a resource of its own (resources/api.yml), which has limits, a log and metrics.
 *
 * The framework has API Gateway make the stage along with each deployment; a stage that was made so can never become a
 * resource. Only the framework knows the name of the deployment, which is another one each time.
 */
class ApiStage {
  constructor(serverless) {
    this.hooks = { 'before:package:finalize': () => separate(serverless.service.provider.compiledCloudFormationTemplate) };
  }
}

function separate({ Resources }) {
  const [name, deployment] = Object.entries(Resources).find(([, each]) => each.Type === 'AWS::ApiGateway::Deployment');
  delete deployment.Properties.StageName;
  Resources.ApiGatewayStage = { Properties: { DeploymentId: { Ref: name } } };
}

module.exports = ApiStage;
