"""Meanings of a console's answers: statusCode, and each documented subStatusCode, in an operator's words.

Source: the vendor's list "Error Codes in ResponseStatus" (ISAPI developer guide), and captures. Codes are compared
without regard to case: firmware differs in it. Words follow "the console".
"""

# What a statusCode means where no subStatusCode says more. 0 is OK as well (vendor's document).
STATUS = {
    2: "is busy",
    3: "has a fault of its own",
    4: "does not do this",
    5: "can't read the request",
    6: "refuses the content",
    7: "wants to be restarted first",
}
OK, BUSY = frozenset({0, 1}), 2

OTHER_DEVICE = "refuses this for a part that a door terminal does not have; is this the right device?"

_GROUPS: tuple[tuple[str, str], ...] = (
    ("holds that badge already", "employeeNoAlreadyExist deviceUserAlreadyExist userExist"),
    (
        "does not hold that badge",
        """
            employeeNoNotExist deviceUserNotExist userInexistence theUserIdDoesNotExist
            channelUsernameNotExist
        """,
    ),
    ("takes no such badge; give the person another one", "illegalEmployeeNo invalidID errorUserInfo"),
    ("holds that card for another person; remove it there first", "cardNoAlreadyExist"),
    ("does not hold that card", "cardNoNotExist cardInfoIsNotExist"),
    ("takes no such card number; check the card's format", "illegalCardNo invalidRechargeCard"),
    ("wants its cards in order", "cardNoNotSort"),
    ("got no card with the request", "cardInfoIsNull"),
    ("got no person with the request", "userInfoIsEmpty UserUUidEmpty"),
    ("takes one card a person; remove the person's other cards", "supportOneMoreCard"),
    ("takes no such name", "UserNameInvalid UsernameCannotContainChinese notSupportCharacter nameTooLong"),
    ("has that name already", "userNameRepetitive duplicateLibraryName. existSameNameFacelib"),
    ("takes no such value: it is longer or larger than it holds", "beyondARGSRangeLimit"),
    ("holds a face for that badge already", "deviceUserAlreadyExistFace"),
    ("holds this very face for another badge already; one of the two is enrolled wrongly", "alreadyExistThisFace"),
    (
        "holds no face for that badge",
        """
            deleteNoExistFace faceDataNotExist pictureNotExist pictureDeleted pictureIdIsInvalid
            faceLibraryNoData noDataOfTheCurrentLibraryFound faceContrastNoData
        """,
    ),
    (
        "finds no face in the sample; enroll the person with a clearer photo",
        """
            pictureFaceDetectZero noFaceInPicture PicAnalysisNoTargetError faceDetectFailed
            noHumanInThePicture getHumanFaceFrameFailed
        """,
    ),
    ("finds more than one face in the sample; enroll the person with a photo of one face", "multipleFaceObjectError"),
    (
        "finds the face sample too poor; enroll the person with a sharp photo, from the front, in even light",
        """
            faceLowQulity poorFaceQuality faceScoreFailure pictureCheckFailed pictureInfoCheckFailure
            undesirableFaceSnapError
        """,
    ),
    (
        "can't make a template of the face sample; enroll the person with a sharp photo, from the front",
        """
            SubpicAnalysisModelingError pictureModelingFailed faceDataAnalysisError facePictureModelInvalid
            invalidFaceRegion faceTypeError addFaceRecordFailed modifyFaceRecordFailed cropPictureFailed
        """,
    ),
    (
        "finds the face sample's size or shape wrong; enroll the person with another photo",
        """
            faceResolutionOrRatioError picResolutionInvalidError width/heightRatioOfPictureError
        """,
    ),
    (
        "finds the face sample too small; enroll the person with another photo",
        """
            picturePixelsTooSmall picSizeSmallError faceDataLenShort
        """,
    ),
    (
        "finds the face sample too large; enroll the person with another photo",
        """
            picturePixelsTooLarge picSizeExceedError pictureSizeExceedLimit improperPicSize
        """,
    ),
    (
        "can't read the face sample; enroll the person with another photo",
        """
            picFormatError pictureDecodingFailed dspParsesThePictureIncorrectly pictureUploadFailed
        """,
    ),
    (
        "got no face with the request",
        """
            faceURLIsEmpty faceFilePathIsEmpty faceFileIsNotExist faceDataIsEmpty picdataurlisnotvalid
            faceDataPIDError
        """,
    ),
    ("compares the face with another one, and they differ", "1V1FacePictureComparisonFailed checkFailure"),
    (
        "does not take a finger like this one",
        """
            fingerPrintFeatureMergeFailed fingerPrintFeatureNumInvalid fingerPrintLowQulity
            fingerPrintDataLenZero errorFingerID errorFingerPrintType
        """,
    ),
    ("does not hold that finger", "fingerPrintNotExist getFingerInfoFail"),
    ("holds that finger already", "fingerPrintAlreadyExist fingerPrintIDAlreadyExist"),
    ("has no person for that finger", "fingerPrintNotLinkEmployeeNoOrCardNo"),
    ("does not do this with fingers", "fingerPrintModuleNoNeedConfigure notSupportDelFPByID"),
    ("has no memory left; remove people, faces or events from it, or restart it", "noMemory requestMemoryNULL"),
    ("is full: it takes no more people", "deviceUserFull userMaxNum uploadUserSuperCaps"),
    ("is full: it takes no more cards", "deviceCardFull cardFull"),
    ("takes no more cards of this person", "cardFullPerUser"),
    ("is full: it takes no more faces", "deviceFaceFull faceImagesNumError"),
    (
        "is full: it takes no more face libraries",
        """
            faceLibraryNumError fdlibrarymorethanupperlimit associatedFaceLibNumOverLimit
            deploylibrarylistnumberhasreacheditslimit allocatingFailedTooManyFacePictureLists
            faceListTooMuchCan'tSlcingData noMoreListLibraryCanBeLinkedToTheDevice
        """,
    ),
    ("is full: it takes no more fingers", "fingerprintFull fingerprintFullPerUser"),
    (
        "has no room left on its disk or card",
        """
            hdIsFull usbIsFull schedulingdatabaseisfull picServerFull roomNoStorageFull replaceMemoryCard
            invalidMemoryCard devNotSupportSave
        """,
    ),
    ("has too many listeners; close the other program that listens to its events", "deployExceedMax armingFull"),
    ("has too many logins; close other programs that use it", "maxSessionUserLink sesssionUserReachesLimit"),
    ("has no more doors", "doorOverLimit"),
    (
        "has no such face library; look for library 1 in its settings",
        """
            libraryNotExist faceLibraryIDError faceLibraryIDNotExis theListLibraryIdDoesNotExist
            notMatchFacelib invalidListLibraryType
        """,
    ),
    (
        "has a fault in its face library; restart it, or update its firmware",
        """
            faceLibraryError faceLibraryDatabaseError faceInitFail faceException faceModelVerionError
            modelcheckcannotbeopened databaseLackPicture queryFaceRecordFailed deleteFaceRecordFailed
            deletePictureError delFacelibFailed modifyFacelibFailed createFacelibFailed
            creatingListLibraryFailed customFaceLibIDRepeat invalidIdentiryKeyOfListLibrary
        """,
    ),
    (
        "uses its face library elsewhere; remove that use first",
        """
            facelibAlreadyUsed libraryArmed noFacePictureLibraryIsArmed cancelFacelibAlgorithmFirst
        """,
    ),
    (
        "has no algorithm for faces; update its firmware",
        """
            notFindFaceAnalysisAlgorithm PicAnalysisNoResourceError faceContratAlgorithmNotFound
            faceAnalysisModuleError faceContratAlgorithmUnloading
        """,
    ),
    ("has face pictures switched off; switch them on in its settings", "unclosedFaceSnapError unopenedFaceSnapError"),
    ("has such a plan already, or takes no such number", "planNumberOverlap"),
    ("finds that periods overlap", "timeRangeOverlap holidayPlanOverlap"),
    (
        "takes no such period",
        """
            timeRangeError comparisonTimeRangeError plannedTimeMustbeHalfAnHour PicSyncSearchTimeRangeLimit
        """,
    ),
    (
        "takes no such time; check its clock",
        """
            beyondTimeRangeLimit remoteDoorTimeStampError cannotCheckTimeWhenTerminalOnline
        """,
    ),
    ("has interlocking and anti-passback set at once; switch one off", "interlockAntiConflict"),
    ("has that password for something else", "doorSpecialPasswordRepeat"),
    ("wants a password for remote opening, and another than it got", "remoteDoorPasswordError"),
    ("has remote opening switched off; switch it on in its settings", "remoteDoorFunctionDisable"),
    ("does not reach that card reader; check its cable", "cardReaderOffline"),
    ("has no such card reader", "illegalCardReaderNo"),
    ("has that door number already", "localControlDoorNoConflict"),
    ("takes no such first-card setting", "illegalLeaderCardValue"),
    ("has no person for opening by two", "noDoubleVerificationUser"),
    ("enrolls cards at this moment; end that at its screen", "addCardMode"),
    ("is locked by one touch", "oneKeyLock"),
    (
        "refuses the user name or password",
        """
            incorrentUserNameOrPassword userNameMismatched passwordCheckFailed checkCodeError
            checkMaterialIsWrong ?urlCheckAkFailed
        """,
    ),
    (
        "does not allow that to this user; give the user the rights, or use the administrator",
        """
            lowPrivilege
            noPermissionToSetTheConfiguredFrequentlyAppearedPersonDetectionRuleOnlyTheAdminUserIsAllowed
        """,
    ),
    ("has locked this user; wait, or unlock it in its settings", "userNameLocked terminalIsLocking ipcIsLocking"),
    (
        "does not let its administrator be changed so",
        """
            adminUserNotAllowedModify userCannotDelAdmin userCannotCreatAdmin
        """,
    ),
    ("wants a better password", "userPwdLenUnder8 userPwdNameSame userPwdNameMirror"),
    (
        "has no certificate for HTTPS; make one in its settings",
        """
            openFailedCheckHTTPSCertificate certificatesManagementNotSupport
        """,
    ),
    (
        "does not do this; update its firmware",
        """
            notSupport methodNotAllowed notFound eventNotSupport interfaceOperationError
            analysisServicesDoNotSupport fieldCodingNotSupport StroageTypeNotSupport WANNotSupport
        """,
    ),
    ("does not do this now", "invalidOperation"),
    ("can't read the request", "badJsonFormat badXmlFormat badXmlContent badJsonContent"),
    ("wants to be restarted first", "rebootRequired"),
    ("has a fault of its own", "deviceError"),
    ("is busy", "deviceBusy terminalBusy taskBusy dialedIsBusy beingExportedByAnotherUser searchByPictureTimedOut"),
    (
        "is busy with its face library",
        """
            faceDataModeling facelibDataProcessing faceLibPicImportingError faceLibInitializing
            analysisEnginesFacelibImporting faceContratAlgorithmLoading
        """,
    ),
    (
        "does not reach its smart lock, or takes no more of them",
        """
            smartLockReturnError smartLockNoResponse smartLockNotExist smartLockRegisterFull
            smartLockAlreadyResgistered deleteLastSmartLock deleteLastSmartLockError detectorRelateFull
            detectorRegisterFull detectorTypeNotSupport
        """,
    ),
    ("does not do this with its zones", "zoneNotSupport isNotSupportZoneConfigByLocalArea zoneOperationNotSupport"),
    (
        "does not reach a server that it is set to use; check its network settings",
        """
            taskPicSeverNoCfg checkTheImageServerConfiguration configPictureServerAddressFailed
            failRegisterCheckNetwork failRegisterCheckDNS opsconnectfailcheckip
            calcPoolConnectFailPleaseCheckIpPort edgeManageConnectFailPleaseCheckIpPort
            usernameOrPasswordErrorOfTheFoundingServer sipUserPasswordError SIPUserNameConflictError
            userScheOffline recvCardNotOnline faceEattendanceAPPNotRun
        """,
    ),
    (
        OTHER_DEVICE,
        """
            3DModelNotSupport unitFull fullTextParamError notSupportDisplayConfigType
            mainAndBackupNodeCannotModifyManagementNetworkInterfaceIP
            highPerformanceTasksNotSupportDrawingDetectionRegions managementNodeDoesNotSupportThisOperation
            searchByPictureResourceNotConfiged selectingIpAddressOfHostAndSpareNodeFailedCheckTheStatus
            switchingScheduledTaskToTemporaryTaskIsNotSupported
            switchingTemporaryTaskToScheduledTaskIsNotSupported invalidValueRangeOfSimilarity
            noAnalysisResourceOrNoDataInTheListLibrary slicinDataFailedNoArmedFacePictureLibrary
            frequentlyAppearedPersonAlarmIsAlreadyConfiguredForListLibrary
            gettingHighFrequencyPersonDetectionAlarmInformationFailed
            thisDeviceModelDoesNotSupportAddingCamera addingFailedTheGPUCardTypesOfDevicesAreDifferent
            Defaultalgorithmnotsupportdeleting smartNotSupportPic h323NotSupportH265 frameRateNotSupported
            NVRNotSupportResetPassword IPCNotSupportResetPassword accesscontroldynamiclibrarystatusfailed
            accesscontrolstaticlibrarystatusfailed theTaskTypeIsNotSupported trainingtaskcontainsthepicture
            unconvertedtaskcontainsthepicture transformingtaskcontainsthepicture binDownloadTypeNotSupport
            binDecryptTypeNotSupport personnelDensityEventsCannotRunInOneTaskWithOtherEvents
            OpenModellingModeMustPreallocationFacePictureAlgorithms algorithmPackTypeNotSupport
            selfRelationNotSupported duplicateRelationNotSupported algorithmDoNotSupportTheTargetRelation
            algorithmNotSupportModifyingDescription noMoreIllegalOutdoorAdvertisementRulesAdded
            CDWarehouseDoorIsOpen LxcDeviceNotSupportSettingIp cannotSupportDoubleRoomPreemptiveBurn
            curConferenceMemberisFull EnablePersonalTaskFirst nodeTypeNotSupport nodeStatusNotSupport
            softlockVersionIsNotRight softlockDataTypeIsNotRight softlockAlgorithmTypeIsNotRight
            softlockUnitIsNotRight softlockNumberIsNotRight theSubClassIsFull maxFaceContrastRoutes
            maxFaceDecetionNumber faceRecognitionNotSupportOver1080POutput faceSnapMutualExclusionBehavior
            calibrationPointNumFull faceRadarCenterArea notSupportSmallerRatios
            invalidMemoryStatusOrCaptureSchedule invalidMemoryStatusOrRecordSchedule userNotModInConference
            sceneNumFull noChairmanNoCheckroll rtspNotSupportMediaLoop defineViewNotSupportRTSP
            beSelectedNotSupportRTSPIn terminalResourceFull rtspNotSupportSelfViewCompose
            noViewComposeNotSupportPreMonitor viewShieldNotSupportPreMonitor
            noConferenceNotSupportPreMonitor notSupportSynIPCByUrladdition loopCannotOpenCheckroll
            485CheckBitSetError virtualLedNotSupport4KOutput minBlockInVirtualLEDAndOutput
            485protoFileCheckError pleaseCheckInputAndOutput fastAddChannelFull stpAggrPortNotSupportConfig
            notSupportColonySIPConference notSupportAutoColonySIPConference checkRollAlreadyOver
            bottomPicLoadParamFail sendCardUpgrading flashUnstoreRecCard notDeployCamere
            notSupportLocalSourcesDragMore materialIsLockedByProgram programIsLockedBySchedule
            BNCOutputNotSupportRoam currentModeNnotSupportImageRotation theSignalNotSupportDivision
            virtualLEDPictureSizeExceedLimit registerGKServiceNotSupportCallingH323ProtocolIP
            registerSIPServiceNotSupportCallingSIPProtocolIP
            notSupportSimultaneousConfigurationSingleAndMultiplayerRunningModes
            thePictureIsInUseAndCannotBeDeleted zoneDrawingOutOfRange alarmLineDrawingOutOfRange
            virtualAlarmMarkOutOfRange radarDirectionNotInDetectionRange notSupportFixedPointPreview
            jpegPicWithAppendDataError humanLibraryError humanLibraryNumError
            noSupportWithPersonDensityDetect detectRangeInvalid channelCapturePictureFailure
            facePipBackgroundChannelOverflow channelNoSupportWithFaceContrast noSupportDeleteStrangerLib
            noSupportCreateStrangerLib labelFullError onlineMembersIsFullCallFails
            frequentlyAppearedPersonAlarmIsAlreadyConfiguredForTheCameraDisarmFirstAndTryAgain
        """,
    ),
)

# By the code in lower case.
SUB_STATUS: dict[str, str] = {code.lower(): words for words, codes in _GROUPS for code in codes.split()}


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(code.lower() for code in codes)


EXISTS = _codes("employeeNoAlreadyExist", "deviceUserAlreadyExist")
FACE_EXISTS = _codes("deviceUserAlreadyExistFace")
NOT_THERE = _codes("employeeNoNotExist", "deviceUserNotExist", "deleteNoExistFace")
# A value does not fit; which one is said in words at most.
CONTENT_REFUSED = _codes(
    "badParameters", "badJsonContent", "badXmlContent", "beyondARGSRangeLimit", "nameTooLong", "notSupportCharacter"
)
NOT_SUPPORTED = _codes("notSupport", "methodNotAllowed", "invalidOperation", "notFound")
BUSY_NOW = frozenset(code for code, words in SUB_STATUS.items() if words.startswith("is busy"))
# What is full, and which of its numbers says by how much (users/capacity.py).
FULL: dict[str, str] = {
    **dict.fromkeys(_codes("deviceUserFull", "userMaxNum", "uploadUserSuperCaps"), "people"),
    **dict.fromkeys(_codes("deviceCardFull", "cardFull"), "cards"),
    **dict.fromkeys(_codes("deviceFaceFull", "faceImagesNumError"), "faces"),
    **dict.fromkeys(_codes("noMemory", "requestMemoryNULL"), ""),
}
