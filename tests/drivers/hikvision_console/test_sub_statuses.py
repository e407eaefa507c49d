"""Every documented subStatusCode in words; what is full says by how much; what is busy is tried again.

The codes, with their statusCode, are those of the vendor's list of error codes in ResponseStatus (ISAPI developer
guide).
"""

import json

import pytest

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceBusy, DeviceRefused, HeldInPart
from drivers.common.http.client import Answer
from drivers.hikvision_console.isapi import Refusal, read_answer

# By statusCode.
DOCUMENTED = {
    2: """
        noMemory deviceBusy
    """,
    3: """
        deletePictureError pictureUploadFailed pictureSizeExceedLimit faceException pictureDeleted
        improperPicSize checkFailure fingerPrintFeatureMergeFailed fingerPrintFeatureNumInvalid
        fingerPrintLowQulity
    """,
    4: """
        notSupport lowPrivilege maxSessionUserLink 3DModelNotSupport interfaceOperationError invalidID
        beingExportedByAnotherUser unitFull taskPicSeverNoCfg userScheOffline userExist userCannotDelAdmin
        userInexistence userCannotCreatAdmin userMaxNum fullTextParamError picServerFull armingFull
        searchByPictureTimedOut comparisonTimeRangeError facePictureModelInvalid duplicateLibraryName.
        getHumanFaceFrameFailed 1V1FacePictureComparisonFailed libraryArmed timeRangeError
        configPictureServerAddressFailed addFaceRecordFailed deleteFaceRecordFailed modifyFaceRecordFailed
        queryFaceRecordFailed faceDetectFailed libraryNotExist uploadUserSuperCaps
        notSupportDisplayConfigType sesssionUserReachesLimit
        mainAndBackupNodeCannotModifyManagementNetworkInterfaceIP pictureCheckFailed pictureModelingFailed
        picturePixelsTooLarge picturePixelsTooSmall plannedTimeMustbeHalfAnHour
        highPerformanceTasksNotSupportDrawingDetectionRegions managementNodeDoesNotSupportThisOperation
        searchByPictureResourceNotConfiged selectingIpAddressOfHostAndSpareNodeFailedCheckTheStatus
        theUserIdDoesNotExist theListLibraryIdDoesNotExist
        switchingScheduledTaskToTemporaryTaskIsNotSupported
        switchingTemporaryTaskToScheduledTaskIsNotSupported invalidListLibraryType
        invalidValueRangeOfSimilarity noMoreListLibraryCanBeLinkedToTheDevice
        noAnalysisResourceOrNoDataInTheListLibrary allocatingFailedTooManyFacePictureLists
        noDataOfTheCurrentLibraryFound noFacePictureLibraryIsArmed slicinDataFailedNoArmedFacePictureLibrary
        analysisServicesDoNotSupport faceAnalysisModuleError
        frequentlyAppearedPersonAlarmIsAlreadyConfiguredForListLibrary creatingListLibraryFailed
        invalidIdentiryKeyOfListLibrary gettingHighFrequencyPersonDetectionAlarmInformationFailed
        frequentlyAppearedPersonAlarmIsAlreadyConfiguredForTheCameraDisarmFirstAndTryAgain
        noPermissionToSetTheConfiguredFrequentlyAppearedPersonDetectionRuleOnlyTheAdminUserIsAllowed
        thisDeviceModelDoesNotSupportAddingCamera opsconnectfailcheckip userNameMismatched
        addingFailedTheGPUCardTypesOfDevicesAreDifferent Defaultalgorithmnotsupportdeleting
        smartNotSupportPic ipcIsLocking h323NotSupportH265 frameRateNotSupported NVRNotSupportResetPassword
        IPCNotSupportResetPassword schedulingdatabaseisfull picdataurlisnotvalid
        accesscontroldynamiclibrarystatusfailed accesscontrolstaticlibrarystatusfailed
        deploylibrarylistnumberhasreacheditslimit fdlibrarymorethanupperlimit theTaskTypeIsNotSupported
        calcPoolConnectFailPleaseCheckIpPort edgeManageConnectFailPleaseCheckIpPort
        checkTheImageServerConfiguration invalidRechargeCard trainingtaskcontainsthepicture
        unconvertedtaskcontainsthepicture transformingtaskcontainsthepicture binDownloadTypeNotSupport
        binDecryptTypeNotSupport databaseLackPicture faceModelVerionError pictureIdIsInvalid
        getFingerInfoFail channelUsernameNotExist cropPictureFailed faceListTooMuchCan'tSlcingData
        associatedFaceLibNumOverLimit personnelDensityEventsCannotRunInOneTaskWithOtherEvents
        modelcheckcannotbeopened faceContratAlgorithmNotFound faceContratAlgorithmLoading
        faceContratAlgorithmUnloading OpenModellingModeMustPreallocationFacePictureAlgorithms
        algorithmPackTypeNotSupport selfRelationNotSupported duplicateRelationNotSupported
        algorithmDoNotSupportTheTargetRelation algorithmNotSupportModifyingDescription faceInitFail taskBusy
        noMoreIllegalOutdoorAdvertisementRulesAdded CDWarehouseDoorIsOpen ?urlCheckAkFailed
        LxcDeviceNotSupportSettingIp cannotSupportDoubleRoomPreemptiveBurn noFaceInPicture
        curConferenceMemberisFull EnablePersonalTaskFirst PicSyncSearchTimeRangeLimit StroageTypeNotSupport
        nodeTypeNotSupport nodeStatusNotSupport softlockVersionIsNotRight softlockDataTypeIsNotRight
        softlockAlgorithmTypeIsNotRight softlockUnitIsNotRight softlockNumberIsNotRight theSubClassIsFull
        maxFaceContrastRoutes maxFaceDecetionNumber faceRecognitionNotSupportOver1080POutput userNameLocked
        openFailedCheckHTTPSCertificate faceSnapMutualExclusionBehavior certificatesManagementNotSupport
        calibrationPointNumFull faceRadarCenterArea faceLibraryIDNotExis notFindFaceAnalysisAlgorithm
        notSupportSmallerRatios invalidMemoryStatusOrCaptureSchedule invalidMemoryStatusOrRecordSchedule
        invalidMemoryCard replaceMemoryCard failRegisterCheckNetwork failRegisterCheckDNS
        faceLibInitializing hdIsFull userNotModInConference recvCardNotOnline sceneNumFull devNotSupportSave
        noChairmanNoCheckroll rtspNotSupportMediaLoop defineViewNotSupportRTSP beSelectedNotSupportRTSPIn
        terminalResourceFull rtspNotSupportSelfViewCompose noViewComposeNotSupportPreMonitor
        viewShieldNotSupportPreMonitor noConferenceNotSupportPreMonitor notSupportSynIPCByUrladdition
        loopCannotOpenCheckroll cannotCheckTimeWhenTerminalOnline passwordCheckFailed 485CheckBitSetError
        virtualLedNotSupport4KOutput minBlockInVirtualLEDAndOutput 485protoFileCheckError
        pleaseCheckInputAndOutput sipUserPasswordError fastAddChannelFull stpAggrPortNotSupportConfig
        notSupportColonySIPConference notSupportAutoColonySIPConference checkRollAlreadyOver
        bottomPicLoadParamFail sendCardUpgrading flashUnstoreRecCard faceURLIsEmpty faceFilePathIsEmpty
        faceFileIsNotExist faceDataIsEmpty cardInfoIsNull cardInfoIsNotExist userInfoIsEmpty
        faceEattendanceAPPNotRun notDeployCamere notSupportLocalSourcesDragMore materialIsLockedByProgram
        programIsLockedBySchedule BNCOutputNotSupportRoam terminalBusy terminalIsLocking
        currentModeNnotSupportImageRotation theSignalNotSupportDivision virtualLEDPictureSizeExceedLimit
        registerGKServiceNotSupportCallingH323ProtocolIP registerSIPServiceNotSupportCallingSIPProtocolIP
        usernameOrPasswordErrorOfTheFoundingServer dspParsesThePictureIncorrectly
        notSupportSimultaneousConfigurationSingleAndMultiplayerRunningModes
        thePictureIsInUseAndCannotBeDeleted fingerPrintNotExist faceLowQulity faceResolutionOrRatioError
        faceDataNotExist dialedIsBusy zoneNotSupport addCardMode isNotSupportZoneConfigByLocalArea
        zoneDrawingOutOfRange alarmLineDrawingOutOfRange oneKeyLock virtualAlarmMarkOutOfRange
        radarDirectionNotInDetectionRange notSupportFixedPointPreview notMatchFacelib poorFaceQuality
        alreadyExistThisFace errorUserInfo existSameNameFacelib delFacelibFailed modifyFacelibFailed
        createFacelibFailed pictureDecodingFailed facelibAlreadyUsed cancelFacelibAlgorithmFirst
        jpegPicWithAppendDataError
    """,
    5: """
        badXmlFormat badJsonFormat
    """,
    6: """
        badXmlContent incorrentUserNameOrPassword badJsonContent userPwdLenUnder8 userPwdNameSame
        userPwdNameMirror beyondARGSRangeLimit faceLibraryNumError faceImagesNumError faceDataAnalysisError
        faceDataPIDError faceLibraryIDError faceLibraryDatabaseError checkCodeError faceLibraryError
        multipleFaceObjectError PicAnalysisNoTargetError SubpicAnalysisModelingError
        faceLibPicImportingError picFormatError picResolutionInvalidError picSizeExceedError
        picSizeSmallError requestMemoryNULL WANNotSupport faceContrastNoData faceLibraryNoData
        faceDataModeling customFaceLibIDRepeat humanLibraryError humanLibraryNumError noHumanInThePicture
        PicAnalysisNoResourceError analysisEnginesFacelibImporting facelibDataProcessing
        noSupportWithPersonDensityDetect eventNotSupport UserNameInvalid usbIsFull detectRangeInvalid
        channelCapturePictureFailure fieldCodingNotSupport noDoubleVerificationUser
        facePipBackgroundChannelOverflow channelNoSupportWithFaceContrast noSupportDeleteStrangerLib
        noSupportCreateStrangerLib UserUUidEmpty timeRangeOverlap unclosedFaceSnapError
        undesirableFaceSnapError unopenedFaceSnapError SIPUserNameConflictError labelFullError
        width/heightRatioOfPictureError UsernameCannotContainChinese userNameRepetitive
        onlineMembersIsFullCallFails checkMaterialIsWrong holidayPlanOverlap cardNoNotSort cardNoNotExist
        illegalCardNo zoneOperationNotSupport interlockAntiConflict deviceCardFull
        localControlDoorNoConflict doorOverLimit supportOneMoreCard deleteNoExistFace
        doorSpecialPasswordRepeat deployExceedMax errorFingerID errorFingerPrintType
        fingerPrintNotLinkEmployeeNoOrCardNo fingerPrintAlreadyExist fingerPrintModuleNoNeedConfigure
        notSupportDelFPByID employeeNoNotExist employeeNoAlreadyExist deleteLastSmartLock
        deleteLastSmartLockError detectorRelateFull detectorRegisterFull notSupportCharacter
        remoteDoorPasswordError smartLockReturnError smartLockNoResponse smartLockNotExist
        smartLockRegisterFull remoteDoorFunctionDisable remoteDoorTimeStampError smartLockAlreadyResgistered
        cardNoAlreadyExist fingerPrintDataLenZero illegalCardReaderNo illegalEmployeeNo
        illegalLeaderCardValue cardReaderOffline pictureNotExist faceDataLenShort pictureInfoCheckFailure
        faceScoreFailure fingerprintFull adminUserNotAllowedModify beyondTimeRangeLimit planNumberOverlap
        fingerPrintIDAlreadyExist pictureFaceDetectZero faceTypeError deviceUserFull deviceFaceFull
        deviceUserAlreadyExist deviceUserNotExist deviceUserAlreadyExistFace cardFullPerUser
        fingerprintFullPerUser roomNoStorageFull invalidFaceRegion detectorTypeNotSupport
    """,
}
BUSY = set(
    [
        "deviceBusy",
        "terminalBusy",
        "taskBusy",
        "dialedIsBusy",
        "beingExportedByAnotherUser",
        "searchByPictureTimedOut",
        "faceDataModeling",
        "facelibDataProcessing",
        "faceLibPicImportingError",
        "faceLibInitializing",
        "analysisEnginesFacelibImporting",
        "faceContratAlgorithmLoading",
    ]
)
ALL = [(status, code) for status, codes in DOCUMENTED.items() for code in codes.split()]


def answer(status, code, http=400):
    return Answer(http, json.dumps({"statusCode": status, "subStatusCode": code, "errorMsg": code}).encode())


@pytest.mark.parametrize(("status", "code"), ALL, ids=[code for _, code in ALL])
def test_every_documented_code_has_words(status, code):
    if code in BUSY:
        with pytest.raises(DeviceBusy):
            read_answer(answer(status, code))
        return
    for spelled in (code, code[:1].lower() + code[1:], code[:1].upper() + code[1:]):
        with pytest.raises(Refusal) as caught:
            read_answer(answer(status, spelled))
        words = str(caught.value)
        assert words.startswith("the console ")
        # Where no words are known the code itself is all there is; the parts of other devices are named by it.
        assert code.lower() not in words.lower() or "does not have" in words


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (2, "noMemory", "no memory left"),
        (6, "SubpicAnalysisModelingError", "enroll the person with a sharp photo"),
        (6, "faceLibraryNumError", "no more face libraries"),
        (4, "lowPrivilege", "give the user the rights"),
        (6, "deployExceedMax", "close the other program"),
        (6, "deviceCardFull", "no more cards"),
        (6, "cardFullPerUser", "no more cards of this person"),
        (4, "faceLowQulity", "too poor"),
        (6, "multipleFaceObjectError", "more than one face"),
        (4, "picturePixelsTooSmall", "too small"),
        (6, "remoteDoorFunctionDisable", "switch it on"),
    ],
)
def test_words_say_what_would_help(status, code, words):
    with pytest.raises(DeviceRefused, match=words):
        read_answer(answer(status, code, 503 if status == 2 else 400))


@pytest.mark.parametrize(
    ("http", "body"),
    [
        (503, {"statusCode": 2, "subStatusCode": "deviceBusy"}),
        (200, {"statusCode": 2, "statusString": "Device Busy"}),
        (429, {}),
        (503, {}),
        (503, {"statusCode": 2, "subStatusCode": "neverSeenBefore"}),
    ],
)
def test_busy_is_not_no(http, body):
    with pytest.raises(DeviceBusy):
        read_answer(Answer(http, json.dumps(body).encode()))


@pytest.mark.parametrize("code", [0, 1, "0", "1"])
@pytest.mark.parametrize(
    "shape", ['{"statusCode":%s,"statusString":"OK","subStatusCode":"ok"}', "<a><statusCode>%s</statusCode></a>"]
)
def test_zero_is_ok_too(code, shape):
    """0 and 1 are OK in the vendor's document."""
    text = shape % (json.dumps(code) if shape.startswith("{") else code)
    assert str(read_answer(Answer(200, text.encode()))["statusCode"]) == str(code)


@pytest.mark.parametrize(
    ("page", "code", "usage"),
    [
        ("UserInfo/SetUp", "deviceUserFull", "1 of 3000 people"),
        ("UserInfo/SetUp", "noMemory", "1 of 3000 people, 1 of 5000 cards, 0 of 3000 faces"),
        ("CardInfo/Record", "cardFull", "1 of 5000 cards"),
        ("CardInfo/Record", "deviceCardFull", "1 of 5000 cards"),
        ("FDSetUp", "deviceFaceFull", "0 of 3000 faces"),
    ],
)
def test_what_is_full_says_by_how_much(sim, console, face, page, code, usage):
    device = console()
    assert device.put([Holding("1", "A", ("5",), frozenset({1}))], {}) == {}
    sim.terminal.faults.refusals.append((page, code))
    refused = device.put([Holding("2", "B", ("6",), frozenset({1}), face="x")], {"2": face})["2"]
    assert [event["sub"] for event in sim.events.all("refused")] == [code], "once: it is not busy"
    assert usage in str(refused).replace("2 of 3000 people", "1 of 3000 people")
    assert isinstance(refused, HeldInPart) == (page != "UserInfo/SetUp")
