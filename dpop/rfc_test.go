package dpop_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/dpop"
)

// TestRFC9449 takes the RFC's own proofs. All are by the key of its §6.1.
func TestRFC9449(t *testing.T) {
	const (
		jkt    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" // §6.1, Figure 8
		access = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU" // §7.1, Figure 12
		header = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
	)
	require.Equal(t, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", hash(access), "§7.1, Figure 13")
	for _, tt := range []struct {
		section, method, url, token string
		iat                         int64
		rest                        string
	}{
		{"§4.1, Figure 2", "POST", "https://server.example.com/token", "", 1562262616,
			"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"},
		{"§5, Figure 6", "POST", "https://server.example.com/token", "", 1562265296,
			"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA"},
		{"§7.1, Figure 12", "GET", "https://resource.example.org/protectedresource", access, 1562262618,
			"eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"},
	} {
		t.Run(tt.section, func(t *testing.T) {
			at := time.Unix(tt.iat, 0)
			v, err := dpop.New(&dpop.Options{Now: func() time.Time { return at }})
			require.NoError(t, err)
			r := request(tt.method, tt.url, header+"."+tt.rest)
			at = at.Add(61 * time.Second)
			_, err = v.VerifyProof(r, tt.token)
			require.Error(t, err)
			at = at.Add(-time.Second)
			got, err := v.VerifyProof(r, tt.token)
			require.NoError(t, err)
			require.Equal(t, jkt, got)
		})
	}
}
