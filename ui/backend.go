package ui

import (
	"time"

	"burble/inference"
	"burble/inference/chat"
)

type (
	Chat struct {
		ID               int64
		Title            string
		Created, Updated time.Time
	}
	Status  string
	Message struct {
		ID        int64
		ChatID    int64
		Role      chat.Role
		Content   string
		Reasoning string
		Created   time.Time
		Status    Status
		Error     string
		Stats     *inference.Stats
		Model     string
	}
	ModelFile struct {
		Path, Name, Architecture, Quantisation string
		Parameters, Bytes                      int64
		Context                                int
		Err                                    string
		Recent                                 time.Time
	}
	Signal           any
	ChatsChanged     struct{}
	MessagesChanged  struct{ ChatID int64 }
	MessageStreaming struct{ ChatID, MessageID int64 }
	AnswerDone       struct{ ChatID, MessageID int64 }
	LoadProgress     struct {
		Stage       inference.Stage
		Done, Total int64
		Path        string
	}
	ModelLoaded struct {
		Info     inference.ModelInfo
		Warnings []string
	}
	ModelFailed struct {
		Path string
		Err  error
	}
	ModelUnloaded struct{}
	Notice        struct{ Text string }
)

const (
	StatusComplete    Status = "complete"
	StatusStreaming   Status = "streaming"
	StatusStopped     Status = "stopped"
	StatusInterrupted Status = "interrupted"
	StatusFailed      Status = "failed"
)

// Backend is what the window needs of the application. Its methods are quick, and called from Fyne's goroutine.
type Backend interface {
	// Subscribe returns signals until cancel is called, which closes the channel. They say what has changed; the window
	// then reads the current state.
	Subscribe() (signals <-chan Signal, cancel func())

	Chats() ([]Chat, error)
	CreateChat() (Chat, error)
	RenameChat(id int64, title string) error
	DeleteChat(id int64) error
	RestoreChat(id int64) error
	Messages(chat int64) ([]Message, error)
	Send(chat int64, text string) error
	Regenerate(chat int64) error
	Stop(chat int64)

	ModelFiles() []ModelFile
	LoadModel(path string)
	CancelLoad()
	CurrentModel() (inference.ModelInfo, bool)
	ModelsFolder() string
}
