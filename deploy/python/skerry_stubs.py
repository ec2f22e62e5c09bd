"""Python stubs of the API, generated from the schema when they are needed.

    from skerry_stubs import stubs
    api = stubs()
    with api.channel("127.0.0.1:7070") as channel:
        jobs = api.jobs_grpc.JobsStub(channel)

Needs Debian's python3-grpcio, python3-protobuf and protobuf-compiler-grpc.
"""

import atexit
import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import grpc

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "messages"
NAMES = ("types", "jobs", "decisions", "nodes", "agent_link", "experience",
         "policy", "policies", "cluster")


class Stubs:
    """Modules `jobs`, `jobs_grpc` and so on, one pair for each .proto."""

    def __init__(self, folder):
        sys.path.insert(0, str(folder))
        for name in NAMES:
            setattr(self, name, importlib.import_module(f"skerry.v1.{name}_pb2"))
            if name != "types":
                module = importlib.import_module(f"skerry.v1.{name}_pb2_grpc")
                setattr(self, f"{name}_grpc", module)

    @staticmethod
    def channel(address, tls=None):
        """A channel to one server; `tls` is a folder of `skerry certs client`."""
        # Else a new channel meets the back-off of an older one.
        options = [("grpc.use_local_subchannel_pool", 1),
                   ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.max_reconnect_backoff_ms", 500),
                   ("grpc.max_receive_message_length", 64 << 20)]
        if tls is None:
            return grpc.insecure_channel(address, options)
        folder = pathlib.Path(tls)
        credentials = grpc.ssl_channel_credentials(
            (folder / "api-ca.pem").read_bytes(),
            (folder / "api.key").read_bytes(),
            (folder / "api.pem").read_bytes())
        return grpc.secure_channel(address, credentials, options)


def stubs():
    """Generates into a folder that is gone when the program ends."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="skerry-stubs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    plugin = shutil.which("grpc_python_plugin")
    if plugin is None or shutil.which("protoc") is None:
        sys.exit("protoc or grpc_python_plugin is missing; run "
                 "deploy/install-dependencies.sh")
    subprocess.run(
        ["protoc", "-I", SCHEMA, "--python_out", folder, "--grpc_out", folder,
         f"--plugin=protoc-gen-grpc={plugin}",
         *(f"skerry/v1/{name}.proto" for name in NAMES)],
        check=True)
    return Stubs(folder)
