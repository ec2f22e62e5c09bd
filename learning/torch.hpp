#pragma once

// The only way to LibTorch, and only for files of learning/ that the module
// skerry-trainer is made of: 30 s and 1 GB of compiler memory each.

// Its headers define CHECK and more, and are not written for our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <torch/torch.h>
#pragma GCC diagnostic pop
