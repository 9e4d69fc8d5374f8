package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// panel is what the tests read of one.
type panel struct {
	ID          int
	Title       string
	Description string
	Datasource  struct{ UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		Expr, RefID string
		Datasource  struct{ UID string }
	}
}

func dashboardText(t *testing.T) []byte {
	text, err := os.ReadFile("../dashboard.json")
	require.NoError(t, err)
	return text
}

func panels(t *testing.T) []panel {
	var d struct{ Panels []panel }
	require.NoError(t, json.Unmarshal(dashboardText(t), &d))
	require.NotEmpty(t, d.Panels)
	return d.Panels
}

// query is what the dashboard's panels or an alert ask, with Grafana's variables filled in.
type query struct{ of, expr string }

func dashboardQueries(t *testing.T) (all []query) {
	fill := strings.NewReplacer("$__rate_interval", "1m", "$__range", "5m", "$job", ".*")
	for _, p := range panels(t) {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			all = append(all, query{p.Title, fill.Replace(target.Expr)})
		}
	}
	return all
}

func alertQueries(t *testing.T) (all []query) {
	text, err := os.ReadFile("../alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all = append(all, query{r.Alert, r.Expr})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// TestDashboardLoads by Grafana's own schema, which knows each member of the dashboard, of its panels and of their
// queries. Grafana itself is not run here.
func TestDashboardLoads(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	//lint:ignore SA1019 the newer schema is for Grafana 12 and later, and this one is taken by all
	var strict, d dashboard.Dashboard
	err := strict.UnmarshalJSONStrict(dashboardText(t))
	wrong, ok := errors.AsType[cog.BuildErrors](err) // an empty list where nothing is
	require.True(t, err == nil || ok, "%v", err)
	require.Empty(t, wrong)
	require.NoError(t, json.Unmarshal(dashboardText(t), &d))
	require.NoError(t, d.Validate())

	// It is not strict about what is in fieldConfig.defaults, but loses what it does not know there.
	again, err := json.Marshal(d)
	require.NoError(t, err)
	var before, after any
	require.NoError(t, json.Unmarshal(dashboardText(t), &before))
	require.NoError(t, json.Unmarshal(again, &after))
	requireWithin(t, before, after, "dashboard")
}

// requireWithin demands that all of part is in whole, which may have more members.
func requireWithin(t *testing.T, part, whole any, path string) {
	switch p := part.(type) {
	case map[string]any:
		w, _ := whole.(map[string]any)
		for name, value := range p {
			if list, ok := value.([]any); ok && len(list) == 0 { // may be left out
				continue
			}
			require.Contains(t, w, name, path)
			requireWithin(t, value, w[name], path+"."+name)
		}
	case []any:
		w, _ := whole.([]any)
		require.Len(t, w, len(p), path)
		for i := range p {
			requireWithin(t, p[i], w[i], fmt.Sprintf("%s[%d]", path, i))
		}
	default:
		require.Equal(t, part, whole, path)
	}
}

func TestPanels(t *testing.T) {
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range panels(t) {
		require.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.Empty(t, taken[cell], "%s lies on another panel", p.Title)
				taken[cell] = p.Title
			}
		}
		for _, target := range p.Targets {
			require.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			require.Contains(t, target.Expr, `job=~"$job"`, p.Title)
		}
	}
}

// TestQueries: Prometheus's parser takes each, and each asks for metrics and labels that the program has.
func TestQueries(t *testing.T) {
	r := newRig(t)
	r.traffic(t)
	events := regexp.MustCompile(`passbearer_event="(\w+)"`).FindAllStringSubmatch(r.text(t), -1)
	known := map[string]bool{}
	for _, e := range events {
		known[e[1]] = true
	}
	used := map[string]bool{}
	for _, q := range append(dashboardQueries(t), alertQueries(t)...) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.expr)
		require.NoError(t, err, q.of)
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			switch n := node.(type) {
			case *parser.VectorSelector:
				require.Contains(t, names, n.Name, q.of)
				used[n.Name] = true
				for _, m := range n.LabelMatchers {
					require.Contains(t, []string{"__name__", "job", "passbearer_event"}, m.Name, q.of)
					if m.Name == "passbearer_event" {
						for value := range strings.SplitSeq(m.Value, "|") {
							require.True(t, known[value], "%s asks for %s", q.of, value)
						}
					}
				}
			case *parser.AggregateExpr:
				for _, label := range n.Grouping {
					require.True(t, slices.Contains([]string{"job", "instance", "passbearer_event", "error_type"}, label), "%s groups by %s", q.of, label)
				}
			}
			return nil
		})
	}
	require.Greater(t, len(used), 9)
}
