// Package checkpoint reads where the tensors of a checkpoint file lie: safetensors, and GGUF of
// versions 2 and 3. It reads headers only; the tensors are the caller's to copy.
package checkpoint
