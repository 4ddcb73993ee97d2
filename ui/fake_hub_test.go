package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"burble/app"
	"burble/app/hub"
	"burble/app/secret"
)

// fakeHub is a hub in memory. A test says how its downloads get on.
type fakeHub struct {
	*fake
	repos   map[string]hub.Repository
	machine hub.Machine
	beside  int64
	fail    error // of the next question
	list    []hub.Download
	token   string
	place   secret.Place
	here    string // the name of a model that is in the models folder
}

func (h *fakeHub) Here(_ hub.Repository, m hub.Model) bool { return m.Name == h.here }

const gb = 1_000_000_000

// newFakeHub returns one with a repository, and one that is gated.
func newFakeHub(f *fake) *fakeHub {
	h := &fakeHub{fake: f, repos: map[string]hub.Repository{}, machine: hub.Machine{GPU: 8 * gb, RAM: 32 * gb}, place: secret.Place{Keyring: true}}
	model := func(name, quant string, size float64) hub.Model {
		return hub.Model{Name: name + "-" + quant, Quant: quant, Parts: []hub.File{{Path: name + "-" + quant + ".gguf", Size: int64(size * gb)}}}
	}
	h.repos["Qwen/Qwen3-4B-GGUF"] = hub.Repository{Name: "Qwen/Qwen3-4B-GGUF", Architecture: "qwen3", Parameters: 4_022_468_096, Context: 40960, Licence: "apache-2.0",
		Models: []hub.Model{model("Qwen3-4B", "Q4_K_M", 2.5), model("Qwen3-4B", "Q5_K_M", 2.89), model("Qwen3-4B", "Q6_K", 3.31), model("Qwen3-4B", "Q8_0", 4.28),
			model("Qwen3-4B", "BF16", 8.05), {Name: "Qwen3-4B", Quant: "F32", Parts: []hub.File{{Path: "x", Size: 16 * gb}}, Err: "its part 2 of 2 is missing from the repository"}}}
	h.repos["acme/Gated-GGUF"] = hub.Repository{Name: "acme/Gated-GGUF", Gated: true, Models: []hub.Model{model("Gated", "Q8_0", 70)}}
	return h
}

func (h *fakeHub) Parse(text string) hub.Reference {
	c, err := hub.New(hub.Options{Endpoint: hub.DefaultEndpoint, HTTP: http.DefaultClient})
	if err != nil {
		panic(err)
	}
	return c.Parse(text)
}

func (h *fakeHub) asked(format string, args ...any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.call(format, args...)
	err := h.fail
	h.fail = nil
	return err
}

func (h *fakeHub) Search(_ context.Context, words string) ([]hub.Found, error) {
	if err := h.asked("search %s", words); err != nil {
		return nil, err
	}
	var found []hub.Found
	for name, r := range h.repos {
		if strings.Contains(strings.ToLower(name), strings.ToLower(words)) {
			found = append(found, hub.Found{Repo: name, Downloads: 12345, Likes: 67, Gated: r.Gated})
		}
	}
	slices.SortFunc(found, func(a, b hub.Found) int { return strings.Compare(a.Repo, b.Repo) })
	return found, nil
}

func (h *fakeHub) Repository(_ context.Context, name, _ string) (hub.Repository, error) {
	if err := h.asked("repository %s", name); err != nil {
		return hub.Repository{}, err
	}
	return h.repos[name], nil
}

func (h *fakeHub) Beside(context.Context, hub.Repository) (int64, error) { return h.beside, nil }
func (h *fakeHub) Machine() hub.Machine                                  { return h.machine }
func (h *fakeHub) Suggestions() []hub.Suggestion                         { return hub.Suggestions() }
func (h *fakeHub) Page(repo string) string                               { return "https://hub.test/" + repo }
func (h *fakeHub) TokenPage() string                                     { return "https://hub.test/tokens" }
func (h *fakeHub) HasToken() bool                                        { return h.token != "" }
func (h *fakeHub) TokenPlace() secret.Place                              { return h.place }

func (h *fakeHub) SetToken(token string) error {
	h.token = token
	return nil
}

func (h *fakeHub) Downloads() []hub.Download {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

func (h *fakeHub) Download(r hub.Repository, m hub.Model) (int64, error) {
	if err := h.asked("download %s", m.Name); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	h.list = append(h.list, hub.Download{ID: h.next, Repo: r.Name, Name: m.Name, Quant: m.Quant, Path: "/models/" + m.Parts[0].Path, State: hub.Running,
		Stage: hub.StageLoading, Size: m.Size(), Speed: -1, Left: -1})
	h.signals <- app.DownloadsChanged{}
	return h.next, nil
}

// change alters a download.
func (h *fakeHub) change(id int64, f func(*hub.Download)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.list {
		if h.list[i].ID == id {
			f(&h.list[i])
			h.signals <- app.DownloadsChanged{}
			if s := h.list[i].State; s == hub.Done || s == hub.Failed {
				h.signals <- app.DownloadEnded{Download: h.list[i]}
			}
		}
	}
}

func (h *fakeHub) Pause(id int64)  { h.change(id, func(d *hub.Download) { d.State = hub.Paused }) }
func (h *fakeHub) Resume(id int64) { h.change(id, func(d *hub.Download) { d.State = hub.Running }) }

func (h *fakeHub) Remove(id int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = slices.DeleteFunc(h.list, func(d hub.Download) bool { return d.ID == id })
	h.signals <- app.DownloadsChanged{}
}
