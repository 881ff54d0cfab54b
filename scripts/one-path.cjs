// In place of the package jsonpath-plus, with which the Kubernetes client reads what gcloud and az print for kubeconfigs of clusters before 1.26: such paths are names with dots.
module.exports = {
  JSONPath: ({ path, json }) => [
    path
      .replace(/^\$?\.?/, '')
      .split('.')
      .reduce((value, name) => value?.[name], json)
  ]
}
