package otelbearer

// For tests in otelbearer_test.
var (
	Texts    = texts
	ReasonOf = reasonOf
)
