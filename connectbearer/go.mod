module github.com/passbearer/passbearer/connectbearer

go 1.26.0

require (
	connectrpc.com/connect/v2 v2.0.2
	github.com/passbearer/passbearer v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/passbearer/passbearer => ../
