#pragma once
#include "device.h"

// Checks the device against known hashes and against the processor, says so on standard output, and returns whether all
// are right.
bool selftest(Device& device);
