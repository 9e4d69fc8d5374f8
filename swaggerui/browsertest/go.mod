module github.com/passbearer/passbearer/swaggerui/browsertest

go 1.26.0

require (
	github.com/passbearer/passbearer v0.0.0
	github.com/passbearer/passbearer/internal/browser v0.0.0
	github.com/passbearer/passbearer/swaggerui v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/chromedp/chromedp v0.23.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/swaggest/swgui v1.8.5 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/passbearer/passbearer => ../../

replace github.com/passbearer/passbearer/internal/browser => ../../internal/browser

replace github.com/passbearer/passbearer/swaggerui => ../
