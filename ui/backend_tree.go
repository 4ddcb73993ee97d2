package ui

import "burble/app"

// Tree is what the window needs of app.Chats for the versions of messages, and for looking into how answers came to be.
type Tree interface {
	RegenerateMessage(id int64, preset *int64) error
	EditAnswer(id int64, text string) error
	DeleteMessage(id int64) error
	RestoreMessage(id int64) error

	Receipt(id int64) (app.Receipt, error)
	Replay(id int64) error
	Tokens(id int64) error
	Branch(id int64, at int, token int32) error
}
