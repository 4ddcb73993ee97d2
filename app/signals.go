package app

import (
	"burble/inference"
)

// Signal says that something has changed. It is one of the types below.
type Signal interface{ signal() }

type (
	// ChatsChanged says that the list of chats is not what it was: read Chats.List.
	ChatsChanged struct{}
	// MessagesChanged says that messages of a chat came, went or ended: read Chats.Messages.
	MessagesChanged struct{ ChatID int64 }
	// MessageStreaming says that an answer has grown or its progress has changed: read Chats.Message. It comes at
	// most 30 times a second.
	MessageStreaming struct{ ChatID, MessageID int64 }
	// AnswerDone says that an answer has ended, well or badly: its Status tells.
	AnswerDone struct{ ChatID, MessageID int64 }
	// ModelsChanged says that the list of model files is not what it was: read Models.List.
	ModelsChanged struct{}
	// LoadProgress reports a model on its way, at most 30 times a second.
	LoadProgress struct {
		Path        string
		Stage       inference.Stage
		Done, Total int64 // bytes, where the stage counts bytes; else steps; Total 0: unknown
	}
	// ModelLoaded says that a model is ready. Warnings are sentences for the user.
	ModelLoaded struct {
		Info     inference.ModelInfo
		Warnings []string
	}
	// ModelMoved says that the GPU has failed and the model runs on the CPU now. A Notice says so, too.
	ModelMoved struct {
		Info   inference.ModelInfo
		Reason error
	}
	// ModelFailed says that a model could not be loaded. A load that the user cancelled has Err wrapping
	// context.Canceled.
	ModelFailed struct {
		Path string
		Err  error
	}
	// ModelUnloaded says that no model is loaded any more.
	ModelUnloaded struct{}
	// SettingsChanged says that settings are not what they were: read Settings.Get.
	SettingsChanged struct{}
	// Notice is a sentence for the user that belongs to nothing on the screen.
	Notice struct{ Text string }
)

func (ChatsChanged) signal()     {}
func (MessagesChanged) signal()  {}
func (MessageStreaming) signal() {}
func (AnswerDone) signal()       {}
func (ModelsChanged) signal()    {}
func (LoadProgress) signal()     {}
func (ModelLoaded) signal()      {}
func (ModelMoved) signal()       {}
func (ModelFailed) signal()      {}
func (ModelUnloaded) signal()    {}
func (SettingsChanged) signal()  {}
func (Notice) signal()           {}
