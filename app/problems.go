package app

import (
	"errors"
	"io/fs"

	"burble/gguf"
)

// What is wrong with most files that can't be used: values of ModelFile.Err, which the window has in its languages. Others are
// what the reader says of the file.
const (
	ProblemUnfinished = "The download of this file has not ended: let the program that began it finish, or delete it."
	ProblemOurs       = "Burble has not downloaded all of this file yet: Get models… shows how far it is, and goes on with it."
	ProblemOllama     = "Ollama has not finished downloading it, or has lost its file: run “ollama pull” again."
	ProblemEmpty      = "The file is empty: delete it, and download it again."
	ProblemIncomplete = "The file ends too early: its download was cut, so delete it and download it again."
	ProblemNotGGUF    = "The file is no GGUF file, whatever its name says: it may be a web page saved in its place."
	ProblemForbidden  = "Burble is not allowed to read this file: change its permissions."
)

// fileProblem says in a sentence why a file can't be read.
func fileProblem(info fs.FileInfo, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ProblemForbidden
	case info.Mode().IsRegular() && info.Size() == 0:
		return ProblemEmpty
	case errors.Is(err, gguf.ErrNotGGUF):
		return ProblemNotGGUF
	case errors.Is(err, gguf.ErrIncomplete):
		return ProblemIncomplete
	}
	return err.Error()
}
