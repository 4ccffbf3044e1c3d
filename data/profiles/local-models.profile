summary Models that run here: the weights and the graphics card; they need no network to answer
program ollama llama-cli llama-server llama.cpp whisper-cli
include proxy
include offline
include terminal
allow gpu
allow write=?~/.ollama
allow write=?${CACHE}/huggingface
arguments read
allow listen=11434
allow listen=8080
# To fetch a model.
ask net=registry.ollama.ai:443
ask net=huggingface.co:443
