package otelbearer

// For tests in otelbearer_test.
var (
	Texts    = texts
	ReasonOf = reasonOf
)

const ScopeName = scopeName
