package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/otelbearer"
)

// names are all metrics, as the dashboard and the alerts may use them.
var names = []string{
	"passbearer_events_other_total",
	"passbearer_failures_total",
	"passbearer_keys_refreshes_total",
	"passbearer_password_hashes_total",
	"passbearer_password_refused_total",
	"passbearer_password_rehashes_total",
	"passbearer_password_running",
	"passbearer_password_waiting",
	"passbearer_refreshes_total",
	"passbearer_refusals_total",
	"passbearer_revocations_changes_total",
	"passbearer_revocations_known",
	"passbearer_revocations_stale",
	"passbearer_sign_ins_total",
	"passbearer_sign_outs_total",
	"target_info",
}

func TestNames(t *testing.T) {
	r := newRig(t)
	require.Equal(t, names, slices.Sorted(maps.Keys(r.families(t))), "from the start")
	r.traffic(t)
	require.Equal(t, names, slices.Sorted(maps.Keys(r.families(t))))
	problems, err := promlint.New(strings.NewReader(r.text(t))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestLabels: the only labels, and a closed list of values for each.
func TestLabels(t *testing.T) {
	r := newRig(t)
	marks := make([]string, 20)
	for i := range marks {
		marks[i] = fmt.Sprintf("mark%dmark", i)
		r.signIn(t, marks[i], marks[i])
		r.refresh(t, marks[i])
		r.request(t, "GET", "/items/"+marks[i], marks[i])
		r.request(t, "GET", "/items/", "e30."+marks[i]+".e30")
	}
	_, a := r.signIn(t, "johndoe", "secret")
	r.traffic(t)
	text := r.text(t)
	require.Contains(t, text, `error_type="user_not_found"`)
	for _, mark := range append(marks, "mark", "johndoe", "secret", "127.0.0.1", a.Access, a.Refresh) {
		require.NotContains(t, text, mark)
	}
	for name, family := range r.families(t) {
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				switch label.GetName() {
				case "error_type":
					require.Contains(t, otelbearer.ErrorTypes(), label.GetValue())
				case "passbearer_event":
					require.Regexp(t, `^[a-z_]+$`, label.GetValue())
				default:
					require.True(t, name == "target_info" || strings.HasPrefix(label.GetName(), "otel_scope_"), "%s has the label %s", name, label.GetName())
				}
			}
		}
	}
}

// TestProgram runs it as main does, and scrapes it.
func TestProgram(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, "127.0.0.1:0", "127.0.0.1:0")
		in.CloseWithError(fmt.Errorf("the program has ended: %w", err))
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	url := ""
	for url == "" && lines.Scan() {
		url = regexp.MustCompile(`http://\S+/metrics`).FindString(lines.Text())
	}
	require.NoError(t, lines.Err())
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, res.Header.Get("Content-Type"), "text/plain")
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "passbearer_sign_ins_total")
	stop()
	require.NoError(t, <-ended)
	require.Error(t, run(t.Context(), io.Discard, "127.0.0.1:x", "127.0.0.1:0"))
	require.Error(t, run(t.Context(), io.Discard, "127.0.0.1:0", "127.0.0.1:x"))
}
