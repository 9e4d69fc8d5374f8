module github.com/passbearer/passbearer/openapi/swaggestschema

go 1.26.0

require (
	github.com/passbearer/passbearer v0.0.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	github.com/stretchr/testify v1.12.1
	github.com/swaggest/jsonschema-go v0.3.74
)

require (
	github.com/swaggest/refl v1.3.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/passbearer/passbearer => ../../
