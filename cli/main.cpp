#include "cli/app.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"

int main(int argc, char** argv) {
  skerry::reserve_standard_streams();
  skerry::handle_signals();
  return static_cast<int>(skerry::run_app(argc, argv));
}
