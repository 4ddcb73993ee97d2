package ui

import (
	"context"
	"io"

	"burble/app"
	"burble/app/attach"
	"burble/inference"
)

// Attacher is what the window needs of app.Chats for files that go with messages, and for what shapes answers.
type Attacher interface {
	SendWith(chatID int64, text string, files []attach.Document) error
	AttachmentText(id int64) (string, error)
	SetOptions(id int64, o app.ChatOptions) error

	// ReadAttachment takes long, and is called from other goroutines.
	ReadAttachment(ctx context.Context, path string) (attach.Document, error)
}

// Counter is what the window needs of app.Models to count tokens. It takes long, and is called from other goroutines.
type Counter interface {
	CountTokens(text string) (n int, exact bool)

	// Those below are quick, for short texts.
	Tokens(text string) (list []inference.Alternative, ok bool)
	TokenText(id int32) (text string, ok bool)
}

// Presets is what the window needs of app.Presets.
type Presets interface {
	List() ([]app.Preset, error)
	Get(id int64) (app.Preset, error)
	Of(o app.ChatOptions) (app.Preset, error)
	Create(p app.Preset) (app.Preset, error)
	Update(p app.Preset) error
	Rename(id int64, name string) error
	Duplicate(id int64, name string) (app.Preset, error)
	Delete(id int64) error
	Restore(id int64) error
	SetDefault(id int64) error
	Export(w io.Writer, id int64) error
	Import(path string) (app.Preset, error)
}
