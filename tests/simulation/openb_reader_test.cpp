#include "simulation/openb_reader.hpp"
#include "tests/fresh_directory.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

namespace {

const std::string node_header = "sn,cpu_milli,memory_mib,gpu,model\n";
const std::string pod_header
    = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,"
      "creation_time,deletion_time,scheduled_time\n";

/// What follows "FILE:" in the error, or "" without one.
template <class T>
std::string fault_of(const result<T>& read, const std::string& path) {
  if (read)
    return "";
  CHECK(read.failure().code == error_code::malformed);
  CHECK(read.failure().message.starts_with(path + ":"));
  return read.failure().message.substr(path.size() + 1);
}

std::string fault_of_node(const std::string& rows) {
  const fresh_directory directory;
  const auto path = directory.write("nodes.csv", node_header + rows);
  return fault_of(read_openb_nodes(path), path);
}

std::string fault_of_pod(const std::string& rows) {
  const fresh_directory directory;
  const auto path = directory.write("pods.csv", pod_header + rows);
  return fault_of(read_openb_pods(path), path);
}

std::string fault_of_arrivals(const std::string& text,
                              std::uint64_t seed = 42) {
  const fresh_directory directory;
  const auto path = directory.write("order.csv", text);
  return fault_of(read_openb_arrivals(path, seed, 3), path);
}

const std::vector<openb_node> two_nodes{
    {"a", 64000, 262144, 2, "P100"},
    {"b", 96000, 786432, 8, "V100M32"},
};

std::string fault_of_ties(const std::string& text, std::uint64_t seed = 42) {
  const fresh_directory directory;
  const auto path = directory.write("ties.csv", text);
  return fault_of(read_openb_tie_order(path, seed, two_nodes), path);
}

} // namespace

TEST_SUITE_BEGIN("simulation/openb_reader");

TEST_CASE("nodes are read as they stand, plain or gzip") {
  const fresh_directory directory;
  const auto text = node_header
                    + "a,64000,262144,2,P100\n"
                      "b,96000,786432,8,V100M32\n"
                      "c,8000,32768,0,\n";
  const auto nodes = read_openb_nodes(directory.write("nodes.csv", text));
  REQUIRE(nodes);
  REQUIRE(nodes->size() == 3);
  CHECK((*nodes)[0] == two_nodes[0]);
  CHECK((*nodes)[1] == two_nodes[1]);
  CHECK((*nodes)[2] == openb_node{"c", 8000, 32768, 0, ""});
  CHECK(*read_openb_nodes(directory.write_gzip("nodes.csv.gz", text))
        == *nodes);
}

TEST_CASE("a wrong node is refused with its place") {
  CHECK(fault_of_node("a,64000,262144,2,P100\na,64000,262144,2,P100\n")
        == "3:1: a is already in line 2");
  CHECK(fault_of_node("a,-1,262144,2,P100\n")
        == "2:3: cpu_milli is \"-1\" (want 0 to 1000000000)");
  CHECK(fault_of_node("a,NaN,262144,2,P100\n")
        == "2:3: cpu_milli is \"NaN\" (want a whole number)");
  CHECK(fault_of_node("a,1,99999999999999999999,2,P100\n")
        == "2:5: memory_mib is \"99999999999999999999\" "
           "(want 0 to 67108864)"); // 64 * 2^20
  CHECK(fault_of_node("a,1,1,65,P100\n")
        == "2:7: gpu is \"65\" (want 0 to 64)");
  CHECK(fault_of_node("a,1,1,2,\n").starts_with("2:9: "));
  CHECK(fault_of_node("../a,1,1,2,P100\n").starts_with("2:1: "));
  CHECK(fault_of_node("a/b,1,1,2,P100\n").starts_with("2:1: "));
  CHECK(fault_of_node("a,64000,2621")
        == "2:13: 3 fields, but the header has 5 (was the file cut?)");
  CHECK(fault_of_node("") == "2:1: no node after the header");
}

TEST_CASE("a pod list in place of a node list is refused by its header") {
  const fresh_directory directory;
  const auto path = directory.write("pods.csv", pod_header);
  CHECK(fault_of(read_openb_nodes(path), path)
            .starts_with("1:1: no column sn (the header has: name, "));
}

TEST_CASE("pods are cleaned up as the protocol says") {
  const fresh_directory directory;
  const auto pods = read_openb_pods(directory.write(
      "pods.csv", pod_header
                      + "share,6000,12288,1,460,P100|T4,LS,Running,5,90,7\n"
                        "over,6000,12288,2,1500,,LS,Running,5,90,\n"
                        "cpu,6000,12288,0,300,T4,BE,Running,5.0,90.0,7.0\n"));
  REQUIRE(pods);
  REQUIRE(pods->size() == 3);
  CHECK((*pods)[0]
        == openb_pod{"share", 6000, 12288, 1, 460, {"P100", "T4"}, 5, 90, 7});
  // gpu_milli over 1000 counts as 1000; a pod never scheduled has -1.
  CHECK((*pods)[1] == openb_pod{"over", 6000, 12288, 2, 1000, {}, 5, 90, -1});
  // A CPU-only pod has no gpu_milli and no gpu_spec.
  CHECK((*pods)[2] == openb_pod{"cpu", 6000, 12288, 0, 0, {}, 5, 90, 7});
}

TEST_CASE("models are kept as listed, repeats too") {
  // The published gpuspec lists have such rows; fgd counts them apart.
  const fresh_directory directory;
  const auto pods = read_openb_pods(directory.write(
      "pods.csv", pod_header + "p,1,1,1,10,A|B|B,LS,Running,0,1,0\n"));
  REQUIRE(pods);
  CHECK(pods->front().gpu_models == std::vector<std::string>{"A", "B", "B"});
}

TEST_CASE("a pod list may lack models and times, in any order of columns") {
  const fresh_directory directory;
  const auto pods = read_openb_pods(
      directory.write("pods.csv", "gpu_milli,num_gpu,memory_mib,cpu_milli,"
                                  "name\n1000,4,2,1,p"));
  REQUIRE(pods);
  CHECK(pods->front() == openb_pod{"p", 1, 2, 4, 1000, {}, -1, -1, -1});
}

TEST_CASE("a wrong pod is refused with its place") {
  CHECK(fault_of_pod("p,1,1,1,0,,LS,Running,0,1,0\n")
        == "2:9: a pod with GPUs asks for gpu_milli 0 (want 1 to 1000)");
  CHECK(fault_of_pod("p,1,1,1,-5,,LS,Running,0,1,0\n")
        == "2:9: gpu_milli is \"-5\" (want 0 to 2147483647)");
  CHECK(fault_of_pod("p,1,1,1,10,T4|,LS,Running,0,1,0\n")
            .starts_with("2:15: ")); // The empty id after the bar.
  CHECK(fault_of_pod("p,1,1,1,10,,LS,Running,5,4,5\n")
        == "2:26: the pod is deleted before it is created");
  CHECK(fault_of_pod("p,1,1,1,10,,LS,Running,5,6,4\n")
        == "2:28: the pod is scheduled before it is created");
  CHECK(fault_of_pod("p,1,1,1,10,,LS,Running,5,6,7\n")
        == "2:26: the pod is deleted before it is scheduled");
  CHECK(fault_of_pod("p,1,1,1,10,,LS,Running,inf,6,7\n")
        == "2:24: creation_time is \"inf\" (want a whole number)");
  CHECK(fault_of_pod("p,1,1,0,0,,LS,R,0,1,0\np,1,1,0,0,,LS,R,0,1,0\n")
        == "3:1: p is already in line 2");
}

TEST_CASE("a model that no node has is refused when the nodes are given") {
  const fresh_directory directory;
  const auto path
      = directory.write("pods.csv", pod_header
                                        + "p,1,1,1,10,P100,LS,R,0,1,0\n"
                                          "q,1,1,1,10,P101,LS,R,0,1,0\n");
  CHECK(read_openb_pods(path));
  CHECK(fault_of(read_openb_pods(path, two_nodes), path)
        == "3:12: no node has the GPU model P101");
}

TEST_CASE("arrivals of a seed end at the first blank") {
  const fresh_directory directory;
  const auto path = directory.write("order.csv", "42,43\n2,0\n0,\n2,\n");
  CHECK(*read_openb_arrivals(path, 42, 3)
        == std::vector<std::uint32_t>{2, 0, 2});
  CHECK(*read_openb_arrivals(path, 43, 3) == std::vector<std::uint32_t>{0});
  // One seed only: the blank is an empty line.
  CHECK(*read_openb_arrivals(directory.write("one.csv", "42\n1\n\n"), 42, 3)
        == std::vector<std::uint32_t>{1});
}

TEST_CASE("wrong arrivals are refused with their place") {
  CHECK(fault_of_arrivals("42,43\n1,3\n2,3\n3,1\n")
        == "4:1: the pod's row is \"3\" (want 0 to 2)");
  CHECK(fault_of_arrivals("42,43\n1,0\n,0\n2,0\n")
        == "4:1: an arrival after the blank in line 3 that ends the sequence "
           "of seed 42");
  CHECK(fault_of_arrivals("sn,42\na,1\nb,0\n")
        == "1:1: column sn is no seed (arrivals have seeds alone; is this the "
           "tie order?)");
  CHECK(fault_of_arrivals("42,43\n1,0\n", 44)
        == "1:1: no column for seed 44 (the file has: 42, 43)");
  CHECK(fault_of_arrivals("42,43\n1,0\n-1,0\n")
        == "3:1: the pod's row is \"-1\" (want 0 to 2)");
  CHECK(fault_of_arrivals("42,43\n,0\n") == "2:1: no arrival for seed 42");
}

TEST_CASE("ranks come in the order of the nodes") {
  const fresh_directory directory;
  const auto path = directory.write("ties.csv", "sn,42,43\nb,0,9\na,1,3\n");
  CHECK(*read_openb_tie_order(path, 42, two_nodes)
        == std::vector<std::uint32_t>{1, 0});
  CHECK(*read_openb_tie_order(path, 43, two_nodes)
        == std::vector<std::uint32_t>{3, 9});
}

TEST_CASE("wrong tie orders are refused with their place") {
  CHECK(fault_of_ties("sn,42\na,0\na,1\n") == "3:1: a is already in line 2");
  CHECK(fault_of_ties("sn,42\na,0\nx,1\n")
        == "3:1: node x is not in the node list");
  CHECK(fault_of_ties("sn,42\na,0\nb,0\n")
        == "3:3: rank 0 is already given in line 2");
  CHECK(fault_of_ties("sn,42\na,0\n")
        == "2:1: the file ends without a rank for node b");
  CHECK(fault_of_ties("sn,42\na,0\nb,\n")
        == "3:3: the rank is missing (want a whole number)");
  CHECK(fault_of_ties("sn,42\na,0\nb,1\n", 7)
        == "1:1: no column for seed 7 (the file has: 42)");
  CHECK(fault_of_ties("name,42\na,0\n")
        == "1:1: no column sn (the header has: name, 42)");
}

TEST_SUITE_END();
