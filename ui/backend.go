package ui

import (
	"context"
	"io"

	"burble/app"
	"burble/inference"
)

// Backend is what the window needs of the application. All methods are quick, and called from Fyne's goroutine; what
// takes time reports back by signals.
type Backend struct {
	Chats    Chats
	Models   Models
	Presets  Presets
	Settings Settings
	Hub      Hub
	Servers  Servers
	// Subscribe returns signals until cancel is called. They say what has changed; the window then reads its state.
	Subscribe func() (signals <-chan app.Signal, cancel func())

	Frame Frame // nil: the window starts as it comes
}

// Chats is what the window needs of app.Chats, which says what the methods do.
type Chats interface {
	List() ([]app.Chat, error)
	Create() (app.Chat, error)
	Rename(id int64, title string) error
	Delete(id int64) error
	Restore(id int64) error
	SetDraft(id int64, text string) error
	Messages(chatID int64) ([]app.Message, error)
	Message(id int64) (app.Message, error)
	Search(query string, limit int) ([]app.Hit, error)
	Send(chatID int64, text string) error
	Edit(id int64, text string) error
	Siblings(id int64) ([]int64, error)
	Show(id int64) error
	Regenerate(chatID int64) error
	Continue(chatID int64) error
	Stop(chatID int64)

	Shelf    // see backend_shelf.go
	Attacher // see backend_presets.go
	Tree     // see backend_tree.go
}

// Models is what the window needs of app.Models.
type Models interface {
	List() []app.ModelFile
	Refresh()
	Folder() string
	Guide() string
	Load(path string)
	CancelLoad()
	Current() (inference.ModelInfo, bool)
	Loading() (app.LoadProgress, bool)
	Devices() (list []inference.DeviceInfo, note string)
	Report(w io.Writer) error
	Places() []app.Place
	Room() app.Room
	Details(path string) (app.Details, error)

	Counter // see backend_presets.go
	Delete(path string) error
	Hash(ctx context.Context, path string) (string, error)
}

// Settings is what the window needs of app.Settings.
type Settings interface {
	Get() app.Values
	Update(change func(v *app.Values)) error
}
