// The Helm that the tests run, and what makes the table in the chart's README: nothing but tool versions.
// `npm run cluster -- --build` builds them.
module active-passive/test/helm

go 1.26.0

tool (
	github.com/norwoodj/helm-docs/cmd/helm-docs
	helm.sh/helm/v4/cmd/helm
)
