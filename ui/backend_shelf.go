package ui

import (
	"context"

	"burble/app"
)

// Shelf is what the window needs of app.Chats to keep chats in order.
type Shelf interface {
	Chat(id int64) (app.Chat, error)
	Archived() ([]app.Chat, error)
	Deleted() ([]app.Chat, error)
	PutAway() (archived, deleted int, err error)
	Pin(id int64, on bool) error
	Archive(id int64, on bool) error
	Move(id, folder int64) error
	DeleteAll(ids []int64) error
	RestoreAll(ids []int64) error

	Folders() ([]app.Folder, error)
	NewFolder(name string) (app.Folder, error)
	RenameFolder(id int64, name string) error
	CollapseFolder(id int64, collapsed bool) error
	DeleteFolder(id int64) error
	RestoreFolder(id int64) error

	CreateTemporary() (app.Chat, error)
	Keep(id int64) (app.Chat, error)

	// ExportFile and Import take long, and are called from other goroutines.
	ExportFile(ctx context.Context, path string, f app.ExportFormat, s app.Selection) (n int, err error)
	Import(ctx context.Context, file string, progress func(done, total int64)) (app.Imported, error)
}
