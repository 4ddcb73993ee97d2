package app

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	hf "burble/app/hub"
	"burble/app/network"
	"burble/app/secret"
	"burble/inference"
)

type (
	// DownloadsChanged says that the list of downloads is not what it was: read Hub.Downloads.
	DownloadsChanged struct{}
	// DownloadEnded says that a download is done or has failed: its State tells.
	DownloadEnded struct{ Download hf.Download }
)

func (DownloadsChanged) signal() {}
func (DownloadEnded) signal()    {}

// TokenName is the name under which the token for Hugging Face is kept.
const TokenName = "huggingface"

// Hub finds models on Hugging Face and downloads them. Nothing is connected to before one of its methods asks for it.
type Hub struct {
	client  *hf.Client
	list    *hf.Downloads
	broken  error // why there is no client; nil: there is
	secrets *secret.Store
	network *network.Network // to close; nil: it is another's
	place   func() inference.Placement

	mu    sync.Mutex
	token *string // nil: not read yet

	asked   sync.Once
	machine hf.Machine
}

// hubParts are what a Hub is made of.
type hubParts struct {
	network *network.Network
	secrets *secret.Store
	folder  func() string // of models
	place   func() inference.Placement
	file    string // that keeps the list; or empty
	changed func()
	ended   func(hf.Download)
	problem func(error)
}

// openHub makes a Hub. notice is for the user: what of it does not work.
func openHub(p hubParts) (h *Hub, notice string) {
	h = &Hub{secrets: p.secrets, place: p.place}
	if h.client, h.broken = hf.New(hf.Options{HTTP: p.network.Client(), Token: h.readToken, UserAgent: network.UserAgent(Version)}); h.broken != nil {
		return h, ""
	}
	var err error
	h.list, err = hf.NewDownloads(hf.DownloadsOptions{Client: h.client, Folder: p.folder, File: p.file, Changed: p.changed, Ended: p.ended, Problem: p.problem})
	if err != nil {
		aside, _ := setAside(p.file, time.Now().Format("20060102-150405")) // where it stays, it is replaced
		notice = fmt.Sprintf("The list of downloads can't be read (%v). It has been kept as %s. What has arrived of them is in the models folder, and goes on when the same model is downloaded again.", err, aside)
	}
	return h, notice
}

// OpenHub returns a Hub for commands that need no App, and the models folder. It keeps no list of downloads: the window may
// have one. Close it.
func OpenHub(o Options) (h *Hub, folder string, err error) {
	p := newPaths(o)
	if err := p.makeFolders(); err != nil {
		return nil, "", err
	}
	v := storedSettings(p)
	folder = modelsFolder(v, p)
	n := o.Network
	if n == nil {
		n = network.New(v.Offline)
	}
	h, _ = openHub(hubParts{network: n, secrets: secret.Open(p.Config), folder: func() string { return folder },
		place: func() inference.Placement { return inference.Placement{Context: v.Context, KVType: v.KVType} }})
	h.network = n
	return h, folder, nil
}

// Close stops the downloads. They can be resumed after the next start.
func (h *Hub) Close() error {
	var err error
	if h.list != nil {
		err = h.list.Close()
	}
	if h.network != nil {
		h.network.Close()
	}
	return err
}

// Parse reads what a user typed: see hub.Client.Parse.
func (h *Hub) Parse(text string) hf.Reference {
	if h.broken != nil {
		return hf.Reference{Search: text}
	}
	return h.client.Parse(text)
}

// Search looks for repositories of models. It takes as long as the network does, as the following methods with a context do.
func (h *Hub) Search(ctx context.Context, words string) ([]hf.Found, error) {
	if h.broken != nil {
		return nil, h.broken
	}
	return h.client.Search(ctx, words)
}

// Repository lists the models of a repository.
func (h *Hub) Repository(ctx context.Context, name, revision string) (hf.Repository, error) {
	if h.broken != nil {
		return hf.Repository{}, h.broken
	}
	return h.client.Repository(ctx, name, revision)
}

// Beside predicts what the models of a repository take beside their weights, with the context that the settings say.
func (h *Hub) Beside(ctx context.Context, r hf.Repository) (int64, error) {
	if h.broken != nil {
		return 0, h.broken
	}
	return h.client.Beside(ctx, r, h.place())
}

// Machine returns what this machine has to run models with. It asks the drivers the first time, which takes a moment.
func (h *Hub) Machine() hf.Machine {
	h.asked.Do(func() {
		list, _ := inference.Devices()
		h.machine = hf.MachineOf(list)
	})
	return h.machine
}

// Suggestions returns models to begin with.
func (h *Hub) Suggestions() []hf.Suggestion { return hf.Suggestions() }

// Page returns the address of a repository's page, and TokenPage that of the page on which tokens are made; or "" where there
// is no hub.
func (h *Hub) Page(repo string) string {
	if h.broken != nil {
		return ""
	}
	return h.client.Page(repo)
}

// TokenPage returns the address of the page on which users make tokens.
func (h *Hub) TokenPage() string {
	if h.broken != nil {
		return ""
	}
	return h.client.TokenPage()
}

// Downloads returns the downloads, in the order in which they were added.
func (h *Hub) Downloads() []hf.Download {
	if h.broken != nil {
		return nil
	}
	return h.list.List()
}

// files returns the paths that downloads are writing to.
func (h *Hub) files() []string {
	if h.broken != nil {
		return nil
	}
	return h.list.Files()
}

// Here reports whether a model of a repository is in the models folder already.
func (h *Hub) Here(r hf.Repository, m hf.Model) bool { return h.broken == nil && h.list.Here(r, m) }

// Download puts a model on the list of downloads, and returns its id there.
func (h *Hub) Download(r hf.Repository, m hf.Model) (int64, error) {
	if h.broken != nil {
		return 0, h.broken
	}
	return h.list.Add(r, m)
}

// Pause stops a download; what has arrived is kept.
func (h *Hub) Pause(id int64) { h.list.Pause(id) }

// Resume has a download go on.
func (h *Hub) Resume(id int64) { h.list.Resume(id) }

// Remove takes a download off the list, and deletes what has arrived of one that is not done.
func (h *Hub) Remove(id int64) { h.list.Remove(id) }

// readToken returns the token: that of the environment variable HF_TOKEN, else the one that was set here.
func (h *Hub) readToken() string {
	if t := os.Getenv("HF_TOKEN"); t != "" {
		return t
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.token == nil {
		t, err := h.secrets.Get(TokenName)
		if err != nil {
			return "" // and the hub says what is missing
		}
		h.token = &t
	}
	return *h.token
}

// HasToken reports whether there is a token. It may take long, as SetToken and TokenPlace do: a keyring may ask for its password.
func (h *Hub) HasToken() bool { return h.readToken() != "" }

// SetToken keeps a token for Hugging Face, or forgets it where it is empty.
func (h *Hub) SetToken(token string) error {
	if err := h.secrets.Set(TokenName, token); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = &token
	return nil
}

// TokenPlace returns where the token is kept.
func (h *Hub) TokenPlace() secret.Place { return h.secrets.Where() }
