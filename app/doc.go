// Package app is what the user has: chats, models and settings, and the wiring of them to the inference engine. It
// knows nothing of windows.
//
// An [App] owns everything. What changes is told by signals ([App.Subscribe]), which carry ids and no state: whoever
// gets one reads the current state from [Chats], [Models] or [Settings]. All methods are safe for concurrent use.
package app
