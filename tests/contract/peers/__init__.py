"""Peers of each kind of this product; a kind may have several, where its devices speak in different ways."""

from tests.contract.peers.boards import NumatoPeer, ShellyPeer
from tests.contract.peers.callers import IronlogicPeer, ZktecoTerminalPeer
from tests.contract.peers.consoles import DahuaPeer, HikvisionPeer
from tests.contract.peers.controllers import NewerZktecoControllerPeer, UhppotePeer, ZktecoControllerPeer
from tests.contract.peers.modbus import LotPeer, ModbusRelayPeer
from tests.contract.peers.onvif import OnvifCameraPeer, OnvifDoorPeer
from tests.contract.peers.osdp import OsdpPeer
from tests.contract.peers.video import RtspPeer

PEERS = {
    "dahua_console": (DahuaPeer,),
    "hikvision_console": (HikvisionPeer,),
    "http_relay": (ShellyPeer,),
    "ironlogic_controller": (IronlogicPeer,),
    "modbus_gate": (ModbusRelayPeer, LotPeer),
    "onvif_camera": (OnvifCameraPeer,),
    "onvif_door": (OnvifDoorPeer,),
    "osdp_reader": (OsdpPeer,),
    "relay_gate": (NumatoPeer,),
    "rtsp_camera": (RtspPeer,),
    "uhppote_controller": (UhppotePeer,),
    "zkteco_controller": (ZktecoControllerPeer, NewerZktecoControllerPeer),
    "zkteco_terminal": (ZktecoTerminalPeer,),
}
