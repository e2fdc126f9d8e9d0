// One way to say something and one way to end.
#pragma once
#include <string>

// One line on standard error.
void say(const std::string& line);
// Says why, and ends the process at once: 1 it failed, 2 it was started wrongly.
[[noreturn]] void fail(int code, const std::string& reason);
// At most 200 characters, all printable ASCII: what a pool sends may not write to a terminal.
std::string printable(const std::string& text);
