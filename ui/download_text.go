package ui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2/lang"

	"burble/app/hub"
)

const dot = "   ·   "

// adviceText says in a sentence which model suits this machine, and why.
func adviceText(r hub.Repository, a hub.Advice) string {
	if a.Index < 0 {
		return ""
	}
	m := r.Models[a.Index]
	data := map[string]any{"Name": cmp.Or(m.Quant, m.Name), "Need": bytesText(a.Need), "Have": bytesText(a.Have)}
	switch a.Reason {
	case hub.ReasonGPU:
		return lang.L("{{.Name}} suits this machine: it is the best that the GPU's {{.Have}} hold whole.", data)
	case hub.ReasonPartly:
		return lang.L("{{.Name}} suits this machine: it takes about {{.Need}}, so the GPU's {{.Have}} hold part of it and the processor runs the rest.", data)
	case hub.ReasonCPU:
		return lang.L("{{.Name}} suits this machine: it fits the {{.Have}} of memory, and larger ones are slower on a processor.", data)
	}
	return lang.L("None of these fits this machine: the smallest takes about {{.Need}}.", data)
}

// repositoryText describes a repository in a line.
func repositoryText(r hub.Repository) string {
	var parts []string
	for _, p := range []string{r.Architecture, parametersText(r.Parameters)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if r.Context > 0 {
		parts = append(parts, lang.L("{{.Count}} tokens of context", map[string]any{"Count": countText(int(r.Context))}))
	}
	if r.Licence != "" {
		parts = append(parts, lang.L("licence {{.Name}}", map[string]any{"Name": r.Licence}))
	}
	if r.Gated {
		parts = append(parts, lang.L("gated: its terms must be accepted"))
	}
	if r.Private {
		parts = append(parts, lang.L("private"))
	}
	return strings.Join(parts, dot)
}

// foundText describes a search's result in a line.
func foundText(f hub.Found) string {
	parts := []string{lang.N("{{.Count}} downloads", int(f.Downloads), map[string]any{"Count": countText(int(f.Downloads))}),
		lang.N("{{.Count}} likes", int(f.Likes), map[string]any{"Count": countText(int(f.Likes))})}
	if f.Gated {
		parts = append(parts, lang.L("gated: its terms must be accepted"))
	}
	return strings.Join(parts, dot)
}

// suggestionText describes a suggestion in a line.
func suggestionText(s hub.Suggestion) string {
	parts := []string{lang.L("by {{.Maker}}", map[string]any{"Maker": s.Maker}), strconv.FormatFloat(s.Billion, 'f', -1, 64) + "B", s.Repo}
	return strings.Join(parts, dot)
}

// downloadText describes a download in a line. What has gone wrong with it stands elsewhere.
func downloadText(d hub.Download) string {
	size := lang.L("{{.Done}} of {{.All}}", map[string]any{"Done": bytesText(d.Done), "All": bytesText(d.Size)})
	switch d.State {
	case hub.Done:
		return lang.L("Downloaded") + dot + bytesText(d.Size)
	case hub.Queued:
		return lang.L("Waiting for its turn") + dot + bytesText(d.Size)
	case hub.Paused:
		return lang.L("Paused") + dot + size
	case hub.Failed:
		return lang.L("Failed") + dot + size
	}
	switch d.Stage {
	case hub.StageChecking:
		return lang.L("Checking what is there") + dot + size
	case hub.StageWriting:
		return lang.L("Writing to disk") + dot + size
	case hub.StageWaiting:
		return lang.L("Trying again") + dot + size
	}
	if d.Speed >= 0 {
		size += dot + lang.L("{{.Size}}/s", map[string]any{"Size": bytesText(int64(d.Speed))})
		if d.Left >= 0 {
			size += dot + lang.L("{{.Time}} left", map[string]any{"Time": durationText(d.Left)})
		}
	}
	return size
}

// durationText writes how long something takes, as exactly as anybody wants to know.
func durationText(d time.Duration) string {
	switch s := int(d.Seconds() + 0.5); {
	case s < 60:
		return lang.L("{{.Seconds}} s", map[string]any{"Seconds": max(s, 1)})
	case s < 3600:
		return lang.L("{{.Minutes}} min", map[string]any{"Minutes": (s + 30) / 60})
	default:
		return lang.L("{{.Hours}} h {{.Minutes}} min", map[string]any{"Hours": s / 3600, "Minutes": s % 3600 / 60})
	}
}
