package app

import (
	"context"
	"errors"

	"burble/inference"
)

// Version is Burble's version. A release build sets it with the linker.
var Version = "devel"

// errUnfinished is what a method gives whose work has not been written yet.
var errUnfinished = errors.New("not finished")

type (
	// App owns everything.
	App struct {
		Chats    *Chats
		Models   *Models
		Settings *Settings
	}
	// Options of an App. Empty folders are those of XDG.
	Options struct {
		DataDir, ConfigDir, CacheDir string
		Engine                       Engine // nil: the real one
	}
	// Engine is what App needs of inference.Engine.
	Engine interface {
		Load(path string, p inference.Placement) inference.ID
		Generate(r inference.Request) inference.ID
		Stop(id inference.ID)
		Unload() inference.ID
		Events() <-chan inference.Event
		Close() error
	}
	Chats    struct{}
	Models   struct{}
	Settings struct{}
)

func New(ctx context.Context, o Options) (*App, error)           { return nil, errUnfinished }
func (a *App) Close() error                                      { return errUnfinished }
func (a *App) Subscribe() (signals <-chan Signal, cancel func()) { return nil, func() {} }
func (c *Chats) List() ([]Chat, error)                           { return nil, errUnfinished }
func (c *Chats) Chat(id int64) (Chat, error)                     { return Chat{}, errUnfinished }
func (c *Chats) Create() (Chat, error)                           { return Chat{}, errUnfinished }
func (c *Chats) Rename(id int64, title string) error             { return errUnfinished }
func (c *Chats) Delete(id int64) error                           { return errUnfinished }
func (c *Chats) Restore(id int64) error                          { return errUnfinished }
func (c *Chats) SetOptions(id int64, o ChatOptions) error        { return errUnfinished }
func (c *Chats) Messages(chatID int64) ([]Message, error)        { return nil, errUnfinished }
func (c *Chats) Message(id int64) (Message, error)               { return Message{}, errUnfinished }
func (c *Chats) Send(chatID int64, text string) error            { return errUnfinished }
func (c *Chats) Regenerate(chatID int64) error                   { return errUnfinished }
func (c *Chats) Continue(chatID int64) error                     { return errUnfinished }
func (c *Chats) Stop(chatID int64)                               {}
func (c *Chats) Search(query string, limit int) ([]Hit, error)   { return nil, errUnfinished }

func (m *Models) List() []ModelFile                    { return nil }
func (m *Models) Refresh()                             {}
func (m *Models) Load(path string)                     {}
func (m *Models) CancelLoad()                          {}
func (m *Models) Unload()                              {}
func (m *Models) Current() (inference.ModelInfo, bool) { return inference.ModelInfo{}, false }
func (m *Models) Loading() (LoadProgress, bool)        { return LoadProgress{}, false }
func (m *Models) Folder() string                       { return "" }
func (m *Models) Forget(path string) error             { return errUnfinished }

func (s *Settings) Get() Values                         { return Values{} }
func (s *Settings) Update(change func(v *Values)) error { return errUnfinished }

// Defaults are the settings to start with.
func Defaults() Values { return Values{} }

// DefaultModel returns the model to open where none is named: the last one used, else one from the models folder, else
// "". folder is the models folder.
func DefaultModel() (path, folder string) { return "", "" }
