package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	dto "github.com/prometheus/client_model/go"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/otelbearer"
)

// rig is the service, and a client of it.
type rig struct {
	obs     *otelbearer.Observer
	metrics http.Handler
	api     *httptest.Server
}

func newRig(t *testing.T) *rig {
	obs, metrics, err := newMetrics()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	api, err := newAPI(ctx, obs)
	require.NoError(t, err)
	r := &rig{obs, metrics, httptest.NewServer(api)}
	t.Cleanup(r.api.Close)
	require.Eventually(t, func() bool { // until then requests are refused
		return r.families(t)["passbearer_revocations_stale"].Metric[0].Gauge.GetValue() == 0
	}, time.Minute, time.Millisecond)
	return r
}

// text is what Prometheus reads.
func (r *rig) text(t *testing.T) string {
	w := httptest.NewRecorder()
	r.metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}

func (r *rig) families(t *testing.T) map[string]*dto.MetricFamily {
	p := expfmt.NewTextParser(model.UTF8Validation)
	all, err := p.TextToMetricFamilies(strings.NewReader(r.text(t)))
	require.NoError(t, err)
	return all
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (r *rig) post(t *testing.T, form url.Values) (code int, got tokens) {
	res, err := r.api.Client().PostForm(r.api.URL+"/token", form)
	require.NoError(t, err)
	defer res.Body.Close()
	require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
	return res.StatusCode, got
}

func (r *rig) signIn(t *testing.T, name, plain string) (int, tokens) {
	return r.post(t, url.Values{"username": {name}, "password": {plain}})
}

func (r *rig) refresh(t *testing.T, token string) (int, tokens) {
	return r.post(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (r *rig) request(t *testing.T, method, path, token string) int {
	req, err := http.NewRequestWithContext(t.Context(), method, r.api.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := r.api.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	return res.StatusCode
}

// traffic has something of all that the dashboard shows. What a healthy service never does is told alone.
func (r *rig) traffic(t *testing.T) {
	code, a := r.signIn(t, "johndoe", "secret")
	require.Equal(t, 200, code)
	require.Equal(t, 200, r.request(t, "GET", "/items/", a.Access))
	code, b := r.refresh(t, a.Refresh)
	require.Equal(t, 200, code)
	require.Equal(t, 200, r.request(t, "POST", "/sign-out", b.Access))
	require.Equal(t, 401, r.request(t, "GET", "/items/", b.Access))
	code, _ = r.refresh(t, b.Refresh)
	require.Equal(t, 400, code)
	code, _ = r.signIn(t, "nobody", "wrong")
	require.Equal(t, 400, code)
	for _, e := range []passbearer.Event{
		{Kind: passbearer.EventRefreshTokenStolen},
		{Kind: passbearer.EventUnavailable, Err: context.DeadlineExceeded},
		{Kind: passbearer.EventSignInThrottled, Err: fmt.Errorf("too many")},
	} {
		r.obs.Event(t.Context(), e)
	}
}
