package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool finds a program of Prometheus.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: on Debian, apt-get install prometheus", name)
	}
	return path
}

// TestAlerts: promtool takes the rules, and each fires on what it is for and on nothing else.
func TestAlerts(t *testing.T) {
	promtool := tool(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "../alerts.yaml"},
		{"test", "rules", "testdata/alerts_test.yaml"},
	} {
		out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// TestAlertsAreTested: promtool is told of each alert.
func TestAlertsAreTested(t *testing.T) {
	text, err := os.ReadFile("testdata/alerts_test.yaml")
	require.NoError(t, err)
	for _, q := range alertQueries(t) {
		require.Contains(t, string(text), "alertname: "+q.of+"\n        exp_alerts:", "no test makes %s fire", q.of)
	}
}

// TestMetricsByPromtool: Prometheus's own linter.
func TestMetricsByPromtool(t *testing.T) {
	r := newRig(t)
	r.traffic(t)
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(r.text(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

// TestPrometheus: a Prometheus scrapes the program, and answers each query of the dashboard and the alerts.
func TestPrometheus(t *testing.T) {
	binary := tool(t, "prometheus")
	r := newRig(t)
	metrics := httptest.NewServer(r.metrics)
	defer metrics.Close()
	p := startPrometheus(t, binary, metrics.Listener.Addr().String())
	p.wait(t, `count_over_time(passbearer_sign_ins_total{passbearer_event="signed_in"}[1m]) >= 1`) // all at 0
	r.traffic(t)
	p.wait(t, `passbearer_sign_ins_total{passbearer_event="signed_in"} >= 1`)
	r.traffic(t)
	p.wait(t, `passbearer_sign_ins_total{passbearer_event="signed_in"} >= 2`)
	for _, q := range dashboardQueries(t) {
		n, err := p.query(q.expr)
		require.NoError(t, err, q.of)
		require.NotZero(t, n, "%s shows nothing: %s", q.of, q.expr)
	}
	for _, q := range alertQueries(t) {
		_, err := p.query(q.expr)
		require.NoError(t, err, q.of)
	}
	n, err := p.query(alertQueries(t)[0].expr)
	require.NoError(t, err)
	require.NotZero(t, n, "the first stolen token is seen")
}

type server struct{ url string }

func startPrometheus(t *testing.T, binary, target string) *server {
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	rules, err := filepath.Abs("../alerts.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs: [{job_name: api, static_configs: [{targets: [%q]}]}]
`, rules, target), 0o600))
	addr := freeAddr(t)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return &server{"http://" + addr}
}

// freeAddr is one that was free a moment ago: Prometheus does not say which port it was given.
func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// wait asks until there is an answer.
func (s *server) wait(t *testing.T, expr string) {
	require.Eventually(t, func() bool {
		n, err := s.query(expr)
		return err == nil && n > 0
	}, time.Minute, 100*time.Millisecond, "%s", expr)
}

// query returns how many series the answer has.
func (s *server) query(expr string) (int, error) {
	res, err := http.PostForm(s.url+"/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result), nil
}
