package ui

import (
	"errors"
	"slices"

	"burble/app"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// What the fake knows of versions, and of how answers came to be.

// treeShelf is what a fake keeps of them.
type treeShelf struct {
	versions map[int64][]int64 // of answers that were made again
}

func (f fakeChats) RegenerateMessage(id int64, preset *int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if preset != nil {
		f.call("regenerate message %d with %d", id, *preset)
	} else {
		f.call("regenerate message %d", id)
	}
	if f.failSave != nil {
		return f.failSave
	}
	among := append([]int64{id}, f.versions[id]...)
	for chatID, list := range f.messages {
		if i := slices.IndexFunc(list, func(m app.Message) bool { return slices.Contains(among, m.ID) }); i >= 0 {
			f.next++
			m := app.Message{ID: f.next, ChatID: chatID, Role: chat.Assistant, Status: app.StatusStreaming, Progress: &app.Progress{Queued: true}, Siblings: len(among) + 1}
			f.messages[chatID] = append(slices.Clone(list[:i]), m)
			if f.versions == nil {
				f.versions = map[int64][]int64{}
			}
			f.versions[id] = append(f.versions[id], m.ID)
			f.signals <- app.MessagesChanged{ChatID: chatID}
			return nil
		}
	}
	return errors.New("no such message")
}

func (f fakeChats) EditAnswer(id int64, text string) error {
	f.call("edit answer %d: %s", id, text)
	return f.failSave
}

func (f fakeChats) DeleteMessage(id int64) error {
	f.call("delete message %d", id)
	return f.failSave
}

func (f fakeChats) RestoreMessage(id int64) error {
	f.call("restore message %d", id)
	return nil
}

func (f fakeChats) Receipt(id int64) (app.Receipt, error) {
	if f.failSave != nil {
		return app.Receipt{}, f.failSave
	}
	seed := uint64(4711)
	return app.Receipt{Build: "0.1.0 (abc)", Model: "Gopher 20M", File: "/models/gopher.gguf", Bytes: 24_000_000, Architecture: "qwen3", Quantisation: "Q8_0", Device: "CPU (AVX2)",
		KVType: "f16", Context: 4096, Sampling: sample.Params{Temperature: 0.7, Seed: &seed}, Chain: "top-k 40, min-p 0.05, temperature 0.7, draw",
		Prompt: app.TokenIDs{1, 2, 3}, Tokens: app.TokenIDs{40, 50, 60}, Ended: true, Hashes: []app.FileHash{{Name: "gopher.gguf", SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}},
		Stats: &inference.Stats{PromptTokens: 412, Reused: 380, Tokens: 3}}, nil
}

func (f fakeChats) Replay(id int64) error {
	f.call("replay %d", id)
	return f.failSave
}

func (f fakeChats) Tokens(id int64) error {
	f.call("tokens %d", id)
	return f.failSave
}

func (f fakeChats) Branch(id int64, at int, token int32) error {
	f.call("branch %d at %d with %d", id, at, token)
	return f.failSave
}
